"""Rotations as angles that a reader can picture, in numpy."""

import numpy as np


def euler_degrees(turn: np.ndarray) -> np.ndarray:
    """(N, 3) yaw, pitch, roll in degrees of rotations (N, 3, 3) = Ry(yaw) Rx(-pitch) Rz(roll), y up, z to the front."""
    yaw = np.arctan2(turn[:, 0, 2], turn[:, 2, 2])
    pitch = np.arcsin(np.clip(turn[:, 1, 2], -1, 1))
    roll = np.arctan2(turn[:, 1, 0], turn[:, 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=1))
