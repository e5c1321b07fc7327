"""Our subject as a data folder of INSTA; see `insta` for the format."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.exchange import own
from partnerface.exchange.axes import inverse, matrices, rows_of_matrices
from partnerface.exchange.insta import PARTS, WHOLE
from partnerface.exchange.ours import (
    Ours,
    depth_picture,
    in_skull_space,
    write_column,
    write_json,
    write_obj,
)
from partnerface.exchange.pictures import save

#: Red of seg_mask for each of our classes; where INSTA parts left from right, or upper from lower, the first of both.
SEG_RED = {
    "background": 0,
    "skin": 250,
    "brows": 240,
    "eyes": 210,
    "nose": 150,
    "lips": 130,
    "mouth_inside": 140,
    "ears": 180,
    "hair": 80,
    "neck": 110,
    "cloth": 90,
    "glasses": 190,
}
#: The canonical mesh's open jaw, radians: 12 degrees, as the tracker's.
CANONICAL_JAW = math.radians(12)
#: Frames of the validation list, which overlap the test's as INSTA's do.
VALIDATION = 20
#: INSTA's alpha is opaque from the middle on.
OPAQUE_ABOVE = 127


def write_insta(ours: Ours, folder: Path, with_meshes: bool, on_frame: Callable[[], None]) -> list[str]:
    """Write the folder; returns what was lost, a sentence each.

    Args:
        ours: what to write.
        folder: an empty folder.
        with_meshes: also meshes/ and depth/, which INSTA wants and other readers of its format don't.
        on_frame: called after each frame.
    """
    ours, notes = ours.for_one_camera()
    skull, centre = ours.skull(), ours.principal_point[0]
    c2w, palette = inverse(skull), np.array([SEG_RED[name] for name in CLASS_NAMES], np.uint8)
    frames = []
    for k, vertices in ours.posed():
        name, picture = f"{ours.numbers[k]:05d}", ours.picture(k)
        alpha = np.where(picture.alpha > OPAQUE_ABOVE, 255, picture.alpha).astype(np.uint8)
        save(folder / "images" / f"{name}.png", np.dstack([picture.rgb, alpha]))
        seg = np.zeros((*alpha.shape, 3), np.uint8)
        seg[..., 0] = palette[picture.classes]
        save(folder / "seg_mask" / f"{name}.png", seg)
        if with_meshes:
            write_obj(folder / "meshes" / f"{name}.obj", in_skull_space(vertices, skull[k]), ours.head.faces)
            depth = depth_picture(vertices, ours.head.faces, ours.focal, centre, ours.size)
            save(folder / "depth" / f"{name}.png", depth)
        _codes(ours, k, folder, name)
        frames.append(_frame(name, c2w[k], with_meshes))
        on_frame()
    write_obj(folder / "canonical.obj", ours.canonical(CANONICAL_JAW), ours.head.faces)
    shared = _shared(ours, centre)
    parts = (frames[: ours.test_from()], frames[ours.test_from() :], frames[-VALIDATION:])
    for name, listed in ((WHOLE, frames), *zip(PARTS, parts, strict=True)):
        write_json(folder / name, {**shared, "frames": listed})
    return notes


def _frame(name: str, c2w: np.ndarray, with_meshes: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "transform_matrix": c2w.tolist(),
        "file_path": f"images/{name}.png",
        "exp_path": f"flame/exp/{name}.txt",
        "seg_mask_path": f"seg_mask/{name}.png",
    }
    if with_meshes:
        made |= {"mesh_path": f"meshes/{name}.obj", "depth_path": f"depth/{name}.png"}
    return made


def _shared(ours: Ours, centre: np.ndarray) -> dict[str, Any]:
    angle = 2 * math.atan(ours.size / (2 * ours.focal))
    return {
        "w": float(ours.size),
        "h": float(ours.size),
        "fl_x": ours.focal,
        "fl_y": ours.focal,
        "cx": float(centre[0]),
        "cy": float(centre[1]),
        "camera_angle_x": angle,
        "camera_angle_y": angle,
        "x_fov": math.degrees(angle),
        "y_fov": math.degrees(angle),
        "integer_depth_scale": 0.001,
        own.KEY: own.described(ours.head.name, ours.fps),
    }


def _codes(ours: Ours, k: int, folder: Path, name: str) -> None:
    """flame/<what>/<frame>.txt: the tracker's dialect, jaw and eyes as 6-D rows; the neck is our addition."""
    values = ours.tracking
    columns = {
        "exp": values["expression"][k],
        "shape": values["shape"],
        "jaw": rows_of_matrices(matrices(values["jaw_pose"][k])),
        "eyes": rows_of_matrices(matrices(values["eye_pose"][k].reshape(2, 3))).reshape(12),
        "eyelids": values["eyelids"][k],
        "neck": values["neck_pose"][k],
    }
    for part, column in columns.items():
        write_column(folder / "flame" / part / f"{name}.txt", column)
