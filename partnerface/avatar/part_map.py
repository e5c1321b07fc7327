"""Which part of the deformation moves what is seen, and how far."""

from collections.abc import Callable

import torch
from torch import Tensor

from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion
from partnerface.kernels.composite import ray_sums

#: Of the parts, in their order; far apart in hue and, after the eighth, in lightness. More parts begin anew.
COLOURS = bytes.fromhex(
    "3b78b8 f28e2b 4fa14d e0474c 9a6bb5 ecc437 3fb5ad f178a6 23406e a85410 1f6b3a 8e1f2f 5a2f7a 8c7410 17666b 9c7a5b"
)


def part_colours(count: int) -> Tensor:
    """[K, 3] sRGB."""
    known = torch.tensor(list(COLOURS), dtype=torch.float32).view(-1, 3) / 255
    return known[torch.arange(count) % len(known)]


def laid_over(picture: Tensor, colour: Tensor, opacity: Tensor, density: float) -> Tensor:
    """A picture [H, W, 3] under a colour [H, W, 3] times its opacity [H, W]; what is dark stays darker, so that the
    face is seen through a dense colour, too."""
    shade = 0.6 + 0.6 * picture.mean(2, keepdim=True)
    return (picture * (1 - density * opacity[..., None]) + density * colour * shade).clamp(0, 1)


@torch.no_grad()
def part_map(
    avatar: Avatar,
    motion: Motion,
    camera: Tensor,
    height: int,
    width: int,
    step: float,
    view: Tensor | None = None,
    hard: bool = False,
) -> Tensor:
    """[H, W, K] the parts' weights composited along each ray; they sum to the head's opacity.

    Args:
        avatar: one with parts.
        motion, camera, height, width, step, view: those of `Avatar.image`.
        hard: the fixed partition of the warm-up in place of the learned weights.

    Raises:
        ValueError: the avatar has no parts.
    """
    if avatar.deformation is None:
        raise ValueError("an avatar without parts has no part map")
    deformation = avatar.deformation
    return _composited(
        avatar, motion, camera, height, width, step, view, lambda points: deformation.weigh(points, hard)[0]
    )


@torch.no_grad()
def travel_map(
    avatar: Avatar, motion: Motion, camera: Tensor, height: int, width: int, step: float, over: Motion
) -> Tensor:
    """[H, W] how far the deformation moves what is seen, m, root mean square over the frames of `over`.

    Args:
        avatar: one with parts.
        motion, camera, height, width, step: those of `Avatar.image`.
        over: T frames.
    """
    seen = _composited(avatar, motion, camera, height, width, step, None, lambda points: travel(avatar, points, over))
    return seen[..., 0]


@torch.no_grad()
def travel(avatar: Avatar, points: Tensor, over: Motion) -> Tensor:
    """[N, 1] how far the deformation moves canonical points [N, 3], m, root mean square over the frames of `over`."""
    if avatar.deformation is None:
        raise ValueError("an avatar without parts deforms nothing")
    squared = points.new_zeros(len(points))
    slot = torch.zeros(len(points), dtype=torch.int64)
    for code in avatar.expression(over.face_features()):
        moved, _ = avatar.deformation(points, code[None], slot, hard=False)
        squared += moved.square().sum(1)
    return (squared / len(over)).sqrt()[:, None]


def _composited(
    avatar: Avatar,
    motion: Motion,
    camera: Tensor,
    height: int,
    width: int,
    step: float,
    view: Tensor | None,
    values: Callable[[Tensor], Tensor],
) -> Tensor:
    """[H, W, D] values [M, D] of canonical points, composited along each ray."""
    conditions = avatar.conditions(motion).seen_from(view)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([x.reshape(-1), y.reshape(-1)], dim=1)
    slot = torch.zeros(len(pixels), dtype=torch.int64)
    seen = avatar.render(pixels, slot, camera[None], conditions, torch.zeros(3), step)
    return ray_sums(seen.weight[:, None] * values(seen.canonical), seen.ray, len(pixels)).view(height, width, -1)
