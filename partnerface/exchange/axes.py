"""Rotations and axes as the formats write them, in numpy and double precision."""

from collections.abc import Sequence

import numpy as np

#: OpenCV camera axes ↔ OpenGL's (y up, z towards the viewer); its own inverse.
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def matrices(axis_angle: np.ndarray) -> np.ndarray:
    """(..., 3) axis-angle in radians → (..., 3, 3)."""
    import torch

    from partnerface.geometry.rotations import axis_angle_to_matrix

    return axis_angle_to_matrix(torch.as_tensor(np.asarray(axis_angle, np.float64))).numpy()


def vectors(matrix: np.ndarray, near: Sequence[float] | None = None) -> np.ndarray:
    """(..., 3, 3) → (..., 3) axis-angle; of two vectors with one matrix the one nearer to `near` where given."""
    import torch

    from partnerface.geometry.rotations import matrix_to_axis_angle

    close = None if near is None else torch.tensor(near, dtype=torch.float64)
    return matrix_to_axis_angle(torch.as_tensor(np.asarray(matrix, np.float64)), near=close).numpy()


def matrices_of_rows(rows: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) from the 6-D form (..., 6): the first two rows, made orthonormal (Gram and Schmidt).

    Zhou et al., "On the continuity of rotation representations in neural networks" (CVPR 2019), in PyTorch3D's order:
    rows, where the paper has columns.
    """
    rows = np.asarray(rows, np.float64)
    first = rows[..., :3] / np.linalg.norm(rows[..., :3], axis=-1, keepdims=True)
    second = rows[..., 3:] - (first * rows[..., 3:]).sum(-1, keepdims=True) * first
    second /= np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-2)


def rows_of_matrices(matrix: np.ndarray) -> np.ndarray:
    """The inverse of `matrices_of_rows`: (..., 3, 3) → (..., 6)."""
    return np.asarray(matrix)[..., :2, :].reshape(*np.shape(matrix)[:-2], 6)


def vectors_of_pose(values: np.ndarray, joints: int) -> np.ndarray:
    """The rotations of some joints as axis-angle (N, 3 joints), from axis-angle or from 6-D rows by their length.

    Raises:
        ValueError: they are neither.
    """
    values = np.asarray(values, np.float64)
    if values.shape[-1] == 3 * joints:
        return values
    if values.shape[-1] != 6 * joints:
        raise ValueError(f"{values.shape[-1]} values, expected {3 * joints} (axis-angle) or {6 * joints} (6-D)")
    split = values.reshape(*values.shape[:-1], joints, 6)
    return vectors(matrices_of_rows(split)).reshape(*values.shape[:-1], 3 * joints)


def rigid(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """(N, 4, 4) float64 from (N, 3, 3) and (N, 3)."""
    out = np.tile(np.eye(4), (len(rotation), 1, 1))
    out[:, :3, :3], out[:, :3, 3] = rotation, translation
    return out


def inverse(motion: np.ndarray) -> np.ndarray:
    """The inverse of rigid motions (N, 4, 4)."""
    turn = motion[:, :3, :3].transpose(0, 2, 1)
    return rigid(turn, -(turn @ motion[:, :3, 3:])[..., 0])


def from_opengl_c2w(c2w: np.ndarray) -> np.ndarray:
    """World to camera in OpenCV axes from camera to world in OpenGL axes, (N, 4, 4)."""
    return inverse(np.asarray(c2w, np.float64) @ FLIP)


def to_opengl_c2w(w2c: np.ndarray) -> np.ndarray:
    """The inverse of `from_opengl_c2w`."""
    return inverse(w2c) @ FLIP
