"""Pictures of a moving avatar, one after the other."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion


def pictures(
    avatar: Avatar, motion: Motion, camera: Tensor, height: int, width: int, background: Tensor, step: float
) -> Iterator[np.ndarray]:
    """(height, width, 3) uint8 sRGB of each frame.

    Args:
        avatar: a trained one.
        motion: T frames.
        camera: [T, 3, 3] K of each, or [3, 3] of all, at height x width.
        background: [3] sRGB.
        step: distance of two samples on a ray, m.
    """
    cameras = camera.expand(len(motion), 3, 3)
    for frame in range(len(motion)):
        picture, _ = avatar.image(motion.take([frame]), cameras[frame], height, width, background, step)
        yield (picture.cpu().numpy() * 255 + 0.5).astype(np.uint8)


def scaled_camera(camera: np.ndarray, size: tuple[int, int], wanted: int) -> tuple[Tensor, int, int]:
    """K, height and width of a picture whose longer edge is `wanted` px, from K at `size` (height, width)."""
    scale = wanted / max(size)
    height, width = (max(1, round(edge * scale)) for edge in size)
    matrix = torch.as_tensor(np.asarray(camera, np.float64)).float().clone()
    matrix[0] *= width / size[1]
    matrix[1] *= height / size[0]
    return matrix, height, width
