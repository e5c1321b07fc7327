"""Our subject as IMavatar's folders; see `imavatar` for the format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.exchange import own
from partnerface.exchange.axes import FLIP, matrices, vectors
from partnerface.exchange.imavatar import FILE, SCALE
from partnerface.exchange.ours import Ours, write_json
from partnerface.exchange.pictures import save
from partnerface.exchange.place import joints_of

#: How many codes the format has room for.
EXPRESSIONS, SHAPES = 50, 100
#: BiSeNet's number for each of our classes, in the weights' order; of left and right, upper and lower, the first.
SEMANTIC = {
    "background": 0,
    "skin": 1,
    "brows": 2,
    "eyes": 4,
    "glasses": 6,
    "ears": 7,
    "nose": 10,
    "mouth_inside": 11,
    "lips": 12,
    "neck": 14,
    "cloth": 16,
    "hair": 17,
}


def write_imavatar(ours: Ours, folder: Path, on_frame: Callable[[], None]) -> list[str]:
    """Write <subject>/<subject>/{train,test}/; returns what was lost, a sentence each.

    Args:
        ours: what to write.
        folder: an empty folder.
        on_frame: called after each frame.
    """
    ours, notes = ours.for_one_camera()
    for what, have, room in (
        ("expression", ours.head.n_expression, EXPRESSIONS),
        ("shape", ours.head.n_shape, SHAPES),
    ):
        if have > room:
            notes.append(
                f"{what} has {have} codes, the format room for {room}; all stand under a further key that only our "
                "import reads"
            )
    world, orient = _poses(ours)
    palette = np.array([SEMANTIC[name] for name in CLASS_NAMES], np.uint8)
    frames: list[dict[str, Any]] = []
    for k, vertices in ours.posed():
        # Names are counted from 1.
        name, picture = str(int(ours.numbers[k]) + 1), ours.picture(k)
        clip = clip_folder(folder, ours, "train" if k < ours.test_from() else "test")
        save(clip / "image" / f"{name}.png", picture.rgb)
        save(clip / "mask" / f"{name}.png", picture.alpha)
        save(clip / "semantic" / f"{name}.png", palette[picture.classes])
        frames.append(_frame(ours, k, name, vertices, world[k], orient[k]))
        on_frame()
    shape = np.zeros(SHAPES)
    shape[: min(SHAPES, ours.head.n_shape)] = ours.tracking["shape"][:SHAPES]
    more = {"n_expression": ours.head.n_expression, "n_shape": ours.head.n_shape}
    if ours.head.n_shape > SHAPES:
        more["shape_all"] = ours.tracking["shape"].tolist()
    cx, cy = ours.principal_point[0] / ours.size
    shared = {
        "shape_params": shape.tolist(),
        # The sign of the first makes pixels run rightwards although the camera looks along -z.
        "intrinsics": [-ours.focal / ours.size, ours.focal / ours.size, float(cx), float(cy)],
        own.KEY: own.described(ours.head.name, ours.fps, **more),
    }
    for part, listed in (("train", frames[: ours.test_from()]), ("test", frames[ours.test_from() :])):
        if listed:
            write_json(clip_folder(folder, ours, part) / FILE, {"frames": listed, **shared})
    return notes


def clip_folder(folder: Path, ours: Ours, part: str) -> Path:
    """<folder>/<subject>/<subject>/<part>."""
    return folder / ours.name / ours.name / part


def _poses(ours: Ours) -> tuple[np.ndarray, np.ndarray]:
    """`world_mat` (N, 3, 4) and the head's global rotation (N, 3) for a camera that stands still and looks along -z.

    Ours sees x = G (v - j0) + j0 + T. With G' = FLIP G and t = FLIP (j0 + T) - j0 the OpenGL camera [1 | t] sees
    FLIP x of a head turned by G' about j0; lengths are `SCALE` times ours.
    """
    values = ours.tracking
    root, flip = joints_of(ours.head, values["shape"])[0], FLIP[:3, :3]
    shift = (root + values["translation"]) @ flip - root
    world = np.tile(np.eye(3, 4), (len(ours), 1, 1))
    world[:, :, 3] = SCALE * shift
    return world, vectors(flip @ matrices(values["global_orient"]))


def _frame(
    ours: Ours, k: int, name: str, vertices: np.ndarray, world: np.ndarray, orient: np.ndarray
) -> dict[str, Any]:
    values = ours.tracking
    points = (vertices[ours.head.landmark68_faces] * ours.head.landmark68_weights[..., None]).sum(1)
    pixels = points[:, :2] / points[:, 2:] * ours.focal + ours.principal_point[k]
    places = 2 * pixels / ours.size - 1
    expression = np.zeros(EXPRESSIONS)
    expression[: min(EXPRESSIONS, ours.head.n_expression)] = values["expression"][k][:EXPRESSIONS]
    pose = np.concatenate([orient, values["neck_pose"][k], values["jaw_pose"][k], values["eye_pose"][k]])
    made = {
        "file_path": f"./image/{name}",
        "world_mat": world.tolist(),
        "expression": expression.tolist(),
        "pose": pose.tolist(),
        "bbox": np.clip(np.concatenate([places.min(0), places.max(0)]), -1, 1).tolist(),
        "flame_keypoints": places.tolist(),
        "eyelids": values["eyelids"][k].tolist(),
    }
    if ours.head.n_expression > EXPRESSIONS:
        made["expression_all"] = values["expression"][k].tolist()
    return made
