"""Our subject in nerfstudio's layout; see `nerfstudio` for the format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.exchange import own
from partnerface.exchange.axes import inverse, rigid, to_opengl_c2w
from partnerface.exchange.insta import WHOLE
from partnerface.exchange.nerfstudio import STORED
from partnerface.exchange.ours import Ours, write_json
from partnerface.exchange.pictures import save

#: nerfstudio's world has z up, the head's own axes have y up: x to x, y to z, z to -y.
TURN = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def write_nerfstudio(ours: Ours, folder: Path, on_frame: Callable[[], None]) -> list[str]:
    """Write the folder: the skull stands still in the world and the camera moves round it; returns what was lost.

    Args:
        ours: what to write.
        folder: an empty folder.
        on_frame: called after each frame.
    """
    turn = rigid(TURN[None], np.zeros((1, 3)))
    c2w = to_opengl_c2w(ours.skull() @ inverse(turn))
    frames: list[dict[str, Any]] = []
    for k in range(len(ours)):
        name, picture = f"images/{ours.numbers[k]:05d}.png", ours.picture(k)
        save(folder / name, np.dstack([picture.rgb, picture.alpha]))
        frames.append(
            {
                "file_path": name,
                "transform_matrix": c2w[k].tolist(),
                "cx": float(ours.principal_point[k, 0]),
                "cy": float(ours.principal_point[k, 1]),
                own.KEY: {key: ours.tracking[key][k].tolist() for key in STORED},
            }
        )
        on_frame()
    files = [frame["file_path"] for frame in frames]
    kept, held = files[: ours.test_from()], files[ours.test_from() :]
    write_json(
        folder / WHOLE,
        {
            "camera_model": "OPENCV",
            "w": ours.size,
            "h": ours.size,
            "fl_x": ours.focal,
            "fl_y": ours.focal,
            **dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0),
            "applied_transform": turn[0, :3].tolist(),
            "train_filenames": kept,
            "val_filenames": held,
            "test_filenames": held,
            own.KEY: own.described(ours.head.name, ours.fps, shape=ours.tracking["shape"].tolist()),
            "frames": frames,
        },
    )
    return ["a scene that stands still is what nerfstudio fits: the face's own motion is lost in it"]
