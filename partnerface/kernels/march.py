"""The op march; the reference says what it computes. Not differentiable."""

import torch
from torch import Tensor

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import march as reference
from partnerface.kernels.reference.march import bounds, voxel

__all__ = ["bounds", "march", "voxel"]


def march(
    origin: Tensor, direction: Tensor, occupied: Tensor, low: Tensor, high: Tensor, step: float, jitter: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Rays' samples in occupied voxels: ray [M] int64 in order, and distance [M] m; see `reference.march.march`."""
    if library(origin.device) is None:
        return reference.march(origin, direction, occupied, low, high, step, jitter)
    reference.check(origin, direction, occupied, jitter)
    inner = torch.stack(bounds(occupied, low, high))
    return torch.ops.partnerface.march(
        origin.contiguous(),
        direction.contiguous(),
        occupied.contiguous(),
        torch.stack([low, high]),
        inner,
        step,
        jitter,
    )


torch.library.define(
    "partnerface::march",
    "(Tensor origin, Tensor direction, Tensor occupied, Tensor box, Tensor inner, float step, Tensor? jitter)"
    " -> (Tensor, Tensor)",
)


@torch.library.impl("partnerface::march", ("cpu", "cuda"))
def _march(
    origin: Tensor,
    direction: Tensor,
    occupied: Tensor,
    box: Tensor,
    inner: Tensor,
    step: float,
    jitter: Tensor | None,
) -> tuple[Tensor, Tensor]:
    call, rays = kernels(origin.device).call, len(origin)
    counts = origin.new_empty(rays, dtype=torch.int64)
    given = (origin, direction, rays, occupied, *occupied.shape, box, inner, step, jitter)
    call("march_count", "ffnbnnnffxfl", *given, counts)
    ends = counts.cumsum(0)
    total = int(ends[-1]) if rays else 0
    ray, distance = origin.new_empty(total, dtype=torch.int64), origin.new_empty(total)
    call("march_fill", "ffnbnnnffxfllf", *given, ends, ray, distance)
    return ray, distance


@torch.library.register_fake("partnerface::march")
def _(
    origin: Tensor,
    direction: Tensor,
    occupied: Tensor,
    box: Tensor,
    inner: Tensor,
    step: float,
    jitter: Tensor | None,
) -> tuple[Tensor, Tensor]:
    count = torch.library.get_ctx().new_dynamic_size()
    return origin.new_empty(count, dtype=torch.int64), origin.new_empty(count)
