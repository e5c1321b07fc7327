"""A tracked subject made by hand: the portrait, with the built-in head laid over its face."""

from pathlib import Path

import numpy as np

from partnerface.artefacts import SubjectFolder, write, write_json, write_npz
from partnerface.conventions import FACING_CAMERA
from partnerface.head.builtin import builtin_head
from partnerface.head.model import HeadModel
from tests.faces import sway, swaying

SIZE, FOCAL, DEPTH = 256, 500.0, 1.2


def tracking(head: HeadModel, count: int) -> dict[str, np.ndarray]:
    """The arrays of tracking.npz for `swaying(count)`: a head that faces the camera, its mouth opening and closing."""
    rng = np.random.default_rng(0)
    pixels_per_metre = FOCAL / DEPTH
    shift = (sway(count) + np.array([121, 74]) - SIZE / 2) / pixels_per_metre
    # The head turns about its first joint; where that takes the head's origin is undone, so that it lies at `shift`.
    joint = head.joint_regressor[0] @ head.template
    away = np.array([0, -2 * joint[1], -2 * joint[2]])
    jaw = np.zeros((count, 3), np.float32)
    jaw[:, 0] = 0.1 * (1 + np.sin(np.arange(count)))
    return {
        "shape": np.zeros(head.n_shape, np.float32),
        "expression": rng.normal(0, 0.3, (count, head.n_expression)).astype(np.float32),
        "global_orient": np.tile(np.array(FACING_CAMERA, np.float32), (count, 1)),
        "neck_pose": np.zeros((count, 3), np.float32),
        "jaw_pose": jaw,
        "eye_pose": np.zeros((count, 6), np.float32),
        "eyelids": np.zeros((count, 2), np.float32),
        "translation": (np.column_stack([shift, np.full(count, DEPTH)]) + away).astype(np.float32),
        "focal": np.full(count, FOCAL, np.float32),
        "image_size": np.array(SIZE),
        "principal_point": np.full((count, 2), SIZE / 2, np.float32),
        "error_px": np.ones(count, np.float32),
        "bridged": np.arange(count) == 3,
        "landmarks_px": np.zeros((count, 478, 2), np.float32),
        "head_name": np.array(head.name),
    }


def write_subject(root: Path, count: int = 30) -> SubjectFolder:
    """Frames, landmarks, head and tracking as the stages before parsing leave them."""
    folder, head = SubjectFolder(root), builtin_head()
    with write(folder.frames, "frames") as path:
        np.save(path, np.stack(swaying(count, SIZE)))
    camera = {
        "size": SIZE,
        "fps": 25.0,
        "kept": list(range(count)),
        "time_s": (np.arange(count) / 25).tolist(),
        "video": "portrait.mp4",
        "clips": [{"video": "portrait.mp4", "crop": [0, 0, SIZE, SIZE]}],
    }
    write_json(folder.camera, camera, "frames")
    base = np.random.default_rng(1).uniform(80, 160, (478, 3))
    points = np.tile(base, (count, 1, 1))
    points[..., :2] += sway(count)[:, None]
    landmarks = {
        "points": points.astype(np.float32),
        "found": np.arange(count) != 3,
        "confidence": np.ones(count, np.float32),
        "scheme": np.array("mediapipe478"),
    }
    write_npz(folder.landmarks, landmarks, "landmarks")
    write_npz(folder.tracking, tracking(head, count), "tracking")
    head.save(folder.head)
    return folder
