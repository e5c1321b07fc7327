"""Made-up motions of heads, for the tests of driving."""

import numpy as np

from partnerface.conventions import FACING_CAMERA, MOTION_NAMES
from partnerface.driving.neutral import Arrays, Neutral, matrices, vectors

WIDTHS = dict.fromkeys(MOTION_NAMES, 3) | {"expression": 4, "eye_pose": 6, "eyelids": 2}


def still(frames: int, n_expression: int = 4) -> Arrays:
    """A head that faces the camera 0.6 m away and does nothing."""
    arrays = {name: np.zeros((frames, width)) for name, width in (WIDTHS | {"expression": n_expression}).items()}
    arrays["global_orient"][:] = FACING_CAMERA
    arrays["translation"][:, 2] = 0.6
    return arrays


def turned(axis_angle: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Axis-angle of the rotation followed in its own axes by another."""
    return vectors(matrices(axis_angle) @ matrices(by), FACING_CAMERA)


def restless(frames: int, seed: int = 0, n_expression: int = 4) -> Arrays:
    """A head that does a little of everything."""
    random = np.random.default_rng(seed)
    arrays = still(frames, n_expression)
    for name, size in (("expression", 0.8), ("jaw_pose", 0.1), ("eye_pose", 0.2), ("neck_pose", 0.3)):
        arrays[name] += size * random.uniform(-1, 1, arrays[name].shape)
    arrays["eyelids"] += random.uniform(0, 1, (frames, 2))
    arrays["translation"] += random.uniform(-0.03, 0.03, (frames, 3))
    arrays["global_orient"] = turned(arrays["global_orient"], random.uniform(-0.2, 0.2, (frames, 3)))
    return arrays


def some_neutral(seed: int = 0, size: float = 1.0, n_expression: int = 4) -> Neutral:
    """Somebody's rest, near nothing."""
    random = np.random.default_rng(100 + seed)
    rows = still(1, n_expression)
    values = {name: row[0] + random.uniform(-0.1, 0.1, row.shape[1]) for name, row in rows.items()}
    values["eyelids"] = random.uniform(0.0, 0.2, 2)
    values["global_orient"] = turned(rows["global_orient"], random.uniform(-0.2, 0.2, (1, 3)))[0]
    return Neutral(values, size)
