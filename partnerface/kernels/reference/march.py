"""Uniform steps along rays, kept where a voxel grid is occupied, as packed samples."""

import torch
from torch import Tensor


def intersect_box(origin: Tensor, direction: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Distances at which rays enter and leave an axis-aligned box (slab method); enter > leave where they miss.

    Args:
        origin: [R, 3] m.
        direction: [R, 3] unit.
        low, high: [3] corners of the box, m.
    """
    inverse = 1 / torch.where(direction.abs() < 1e-9, torch.full_like(direction, 1e-9), direction)
    a, b = (low - origin) * inverse, (high - origin) * inverse
    enter = torch.minimum(a, b).amax(dim=1).clamp(min=0)
    leave = torch.maximum(a, b).amin(dim=1)
    return enter, leave


def voxel(points: Tensor, low: Tensor, high: Tensor, resolution: tuple[int, int, int]) -> Tensor:
    """Flat index of the voxel of each point [..., 3], clamped to the box."""
    size = torch.tensor(resolution, device=points.device)
    cell = ((points - low) / (high - low) * size).floor().long()
    cell = torch.minimum(cell.clamp(min=0), size - 1)
    return (cell[..., 0] * resolution[1] + cell[..., 1]) * resolution[2] + cell[..., 2]


def bounds(occupied: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Corners [3] of the smallest box around the occupied voxels of the grid from `low` to `high`; empty if none."""
    edge = (high - low) / torch.tensor(occupied.shape, device=low.device)
    beside = occupied.any(0)
    along = [torch.nonzero(line)[:, 0] for line in (occupied.flatten(1).any(1), beside.any(1), beside.any(0))]
    if not len(along[0]):
        return low, low
    first, last = torch.stack([line[0] for line in along]), torch.stack([line[-1] for line in along])
    return low + first * edge, low + (last + 1) * edge


def check(origin: Tensor, direction: Tensor, occupied: Tensor, jitter: Tensor | None) -> None:
    """Raise ValueError where a shape does not fit, TypeError where `occupied` is not bool."""
    if origin.ndim != 2 or origin.shape[1] != 3 or origin.shape != direction.shape:
        raise ValueError(
            f"origin and direction must have the shape [R, 3], not {list(origin.shape)}, {list(direction.shape)}"
        )
    if occupied.ndim != 3:
        raise ValueError(f"occupied must have the shape [X, Y, Z], not {list(occupied.shape)}")
    if occupied.dtype != torch.bool:
        raise TypeError(f"occupied must be bool, not {occupied.dtype}")
    if jitter is not None and tuple(jitter.shape) != (len(origin),):
        raise ValueError(f"jitter must have the shape [{len(origin)}], not {list(jitter.shape)}")


def march(
    origin: Tensor, direction: Tensor, occupied: Tensor, low: Tensor, high: Tensor, step: float, jitter: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Sample rays every `step` metres inside a box and keep the samples in occupied voxels.

    Args:
        origin: [R, 3] m. direction: [R, 3] unit.
        occupied: [X, Y, Z] bool.
        low, high: [3] corners of the grid's box, m.
        step: distance of two samples, m.
        jitter: [R] in [0, 1), shifts each ray's samples by a part of a step; None puts them at the middle.

    Returns:
        ray [M] int64 in non-decreasing order, and distance [M] m. Not differentiable.

    Raises:
        ValueError, TypeError: a shape or dtype does not fit.
    """
    check(origin, direction, occupied, jitter)
    enter, leave = intersect_box(origin, direction, *bounds(occupied, low, high))
    shift = torch.full_like(enter, 0.5) if jitter is None else jitter
    count = int(((leave - enter).clamp(min=0) / step).ceil().max().item()) if len(origin) else 0
    if count == 0:
        return torch.zeros(0, dtype=torch.int64, device=origin.device), origin.new_zeros(0)
    # Steps start at a multiple of `step`, so that samples of neighbouring frames fall on the same shells.
    start = (enter / step).floor() * step
    distance = start[:, None] + (torch.arange(count + 1, device=origin.device) + shift[:, None]) * step
    inside = (distance >= enter[:, None]) & (distance < leave[:, None])
    ray, index = torch.nonzero(inside, as_tuple=True)
    distance = distance[ray, index]
    points = origin[ray] + direction[ray] * distance[:, None]
    resolution = (occupied.shape[0], occupied.shape[1], occupied.shape[2])
    keep = occupied.reshape(-1)[voxel(points, low, high, resolution)]
    return ray[keep], distance[keep]
