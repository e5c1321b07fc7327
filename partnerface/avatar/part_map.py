"""Which part of the deformation moves what is seen."""

import torch
from torch import Tensor

from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion
from partnerface.kernels.composite import ray_sums


@torch.no_grad()
def part_map(
    avatar: Avatar,
    motion: Motion,
    camera: Tensor,
    height: int,
    width: int,
    step: float,
    view: Tensor | None = None,
) -> Tensor:
    """[H, W, K] the parts' weights composited along each ray; they sum to the head's opacity.

    Args:
        avatar: one with parts.
        motion, camera, height, width, step, view: those of `Avatar.image`.

    Raises:
        ValueError: the avatar has no parts.
    """
    if avatar.deformation is None:
        raise ValueError("an avatar without parts has no part map")
    conditions = avatar.conditions(motion).seen_from(view)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([x.reshape(-1), y.reshape(-1)], dim=1)
    slot = torch.zeros(len(pixels), dtype=torch.int64)
    seen = avatar.render(pixels, slot, camera[None], conditions, torch.zeros(3), step)
    weights = avatar.deformation.weigh(seen.canonical)[0]
    return ray_sums(seen.weight[:, None] * weights, seen.ray, len(pixels)).view(height, width, -1)
