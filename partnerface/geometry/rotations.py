"""Rotations between axis-angle vectors, matrices and quaternions, in torch; safe to differentiate everywhere."""

import torch
from torch import Tensor

# Below this squared angle (rad^2) sin(t)/t and (1 - cos t)/t^2 come from their series: closed forms lose digits there.
SMALL_SQUARED = 1e-6


def skew(vector: Tensor) -> Tensor:
    """Cross-product matrices: (..., 3) → (..., 3, 3) with `skew(a) @ b = a x b`."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*vector.shape[:-1], 3, 3)


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula: R = I + sin(t)/t K + (1 - cos t)/t^2 K^2 with K = skew(axis_angle), t its length.

    Args:
        axis_angle: (..., 3), radians.

    Returns:
        (..., 3, 3) rotation matrices. Values and gradients are right at the zero vector too.
    """
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = squared < SMALL_SQUARED
    # The square root sees 1 where the series is used, so that no infinite derivative meets a zero mask.
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    first = torch.where(small, 1 - squared / 6, torch.sin(angle) / angle)
    second = torch.where(small, 0.5 - squared / 24, (1 - torch.cos(angle)) / angle**2)
    cross = skew(axis_angle)
    return torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device) + first * cross + second * (cross @ cross)


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Unit quaternions (w, x, y, z), w >= 0, of rotation matrices (..., 3, 3).

    Each of the four components can be had from the diagonal (4 w^2 = 1 + trace, …); the largest is taken as the pivot,
    so nothing is divided by a small number.
    """
    m = matrix
    diagonal = torch.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], -1)
    trace = diagonal.sum(-1, keepdim=True)
    squares = torch.cat([1 + trace, 1 + 2 * diagonal - trace], -1)  # 4 w^2, 4 x^2, 4 y^2, 4 z^2
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    w2, x2, y2, z2 = squares.unbind(-1)
    # Row k holds 4 q_k q, so each row is the quaternion up to its factor.
    rows = torch.stack([w2, wx, wy, wz, wx, x2, xy, xz, wy, xy, y2, yz, wz, xz, yz, z2], -1)
    rows = rows.reshape(*matrix.shape[:-2], 4, 4)
    pivot = squares.argmax(-1)[..., None, None].expand(*matrix.shape[:-2], 1, 4)
    row = torch.gather(rows, -2, pivot)[..., 0, :]
    quaternion = row / row.norm(dim=-1, keepdim=True)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def matrix_to_axis_angle(matrix: Tensor, near: Tensor | None = None) -> Tensor:
    """Axis-angle vectors of rotation matrices.

    Args:
        matrix: (..., 3, 3).
        near: (..., 3) or (3,); where given, of the two vectors with the same matrix (v and v - 2 pi v / |v|) the nearer
            one is taken. A head facing the camera turns by pi about x, where the shortest vector jumps its sign.

    Returns:
        (..., 3), radians; shorter than pi unless `near` says otherwise.
    """
    quaternion = matrix_to_quaternion(matrix)
    w, xyz = quaternion[..., :1], quaternion[..., 1:]
    squared = (xyz * xyz).sum(-1, keepdim=True)
    small = squared < SMALL_SQUARED
    sine = torch.where(small, torch.ones_like(squared), squared).sqrt()
    factor = torch.where(small, 2 / w.clamp(min=0.5), 2 * torch.atan2(sine, w) / sine)
    vector = factor * xyz
    if near is None:
        return vector
    length = vector.norm(dim=-1, keepdim=True)
    other = torch.where(length > 1e-6, vector * (1 - 2 * torch.pi / length.clamp(min=1e-6)), vector)
    closer = (other - near).norm(dim=-1, keepdim=True) < (vector - near).norm(dim=-1, keepdim=True)
    return torch.where(closer, other, vector)
