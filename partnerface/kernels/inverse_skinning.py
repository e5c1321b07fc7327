"""The op inverse_skinning; the reference says what it computes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import inverse_skinning as reference
from partnerface.kernels.reference.inverse_skinning import anchor_volume

__all__ = ["anchor_volume", "inverse_skinning"]

#: Neighbours of a vertex that the kernels can hold.
MAX_RING = 32


def inverse_skinning(
    points: Tensor,
    slot: Tensor,
    vertices: Tensor,
    maps: Tensor,
    volumes: Tensor,
    patch: Tensor,
    ring: Tensor,
    low: Tensor,
    high: Tensor,
    resolution: tuple[int, int, int],
    radius: float,
    reach: tuple[float, float],
) -> tuple[Tensor, Tensor, Tensor]:
    """Canonical points [N, 3], distance [N] and height [N]; see `reference.inverse_skinning.inverse_skinning`."""
    if library(points.device) is None or ring.shape[1] > MAX_RING:
        return reference.inverse_skinning(
            points, slot, vertices, maps, volumes, patch, ring, low, high, resolution, radius, reach
        )
    reference.check(points, slot, vertices, maps, volumes, patch, ring, resolution)
    canonical, _, distance, height = torch.ops.partnerface.inverse_skinning(
        points.t().contiguous(),
        slot.contiguous(),
        vertices.contiguous(),
        maps.contiguous(),
        volumes.contiguous(),
        patch.int().contiguous(),
        ring.int().contiguous(),
        torch.stack([low, high]),
        resolution,
        radius,
        *reach,
    )
    return canonical.t(), distance, height


torch.library.define(
    "partnerface::inverse_skinning",
    "(Tensor points, Tensor slot, Tensor vertices, Tensor maps, Tensor volumes, Tensor patch, Tensor ring, Tensor box, "
    "int[] resolution, float radius, float near, float far) -> (Tensor, Tensor, Tensor, Tensor)",
)
torch.library.define("partnerface::inverse_skinning_backward", "(Tensor grad, Tensor map) -> Tensor")


@torch.library.impl("partnerface::inverse_skinning", ("cpu", "cuda"))
def _forward(
    points: Tensor,
    slot: Tensor,
    vertices: Tensor,
    maps: Tensor,
    volumes: Tensor,
    patch: Tensor,
    ring: Tensor,
    box: Tensor,
    resolution: Sequence[int],
    radius: float,
    near: float,
    far: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    count = points.shape[1]
    canonical, turn = torch.empty_like(points), points.new_empty(9, count)
    distance, height = points.new_empty(count), points.new_empty(count)
    kernels(points.device).call(
        "inverse_skinning_forward",
        "flnffsiinnnfnnnxxxffff",
        points,
        slot,
        count,
        vertices,
        maps,
        volumes,
        patch,
        ring,
        vertices.shape[1],
        patch.shape[1],
        ring.shape[1],
        box,
        *resolution,
        radius,
        near,
        far,
        canonical,
        turn,
        distance,
        height,
    )
    return canonical, turn, distance, height


@torch.library.impl("partnerface::inverse_skinning_backward", ("cpu", "cuda"))
def _backward(grad: Tensor, turn: Tensor) -> Tensor:
    to = torch.empty_like(grad, memory_format=torch.contiguous_format)
    kernels(grad.device).call("inverse_skinning_backward", "ffnf", grad.contiguous(), turn, grad.shape[1], to)
    return to


@torch.library.register_fake("partnerface::inverse_skinning")
def _(
    points: Tensor,
    slot: Tensor,
    vertices: Tensor,
    maps: Tensor,
    volumes: Tensor,
    patch: Tensor,
    ring: Tensor,
    box: Tensor,
    resolution: Sequence[int],
    radius: float,
    near: float,
    far: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    count = points.shape[1]
    return torch.empty_like(points), points.new_empty(9, count), points.new_empty(count), points.new_empty(count)


@torch.library.register_fake("partnerface::inverse_skinning_backward")
def _(grad: Tensor, turn: Tensor) -> Tensor:
    return torch.empty_like(grad, memory_format=torch.contiguous_format)


def _save(ctx, inputs, output) -> None:
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[1])


def _gradients(ctx, grad: Tensor | None, *_: Tensor | None):
    # Weights are held fixed: the map is affine in the point.
    to = None if grad is None else torch.ops.partnerface.inverse_skinning_backward(grad, *ctx.saved_tensors)
    return to, *(None for _ in range(11))


torch.library.register_autograd("partnerface::inverse_skinning", _gradients, setup_context=_save)
