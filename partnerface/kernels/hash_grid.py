"""The op hash_grid; the reference says what it computes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import hash_grid as reference
from partnerface.kernels.reference.hash_grid import HashGridSpec

__all__ = ["HashGridSpec", "hash_grid"]

#: Features per corner that the kernels are compiled for.
FEATURES = (1, 2, 4, 8)
#: Levels that they can hold.
MAX_LEVELS = 32


def hash_grid(x: Tensor, table: Tensor, spec: HashGridSpec) -> Tensor:
    """Feature vectors [N, spec.width] of points [N, 3] in the unit cube; see `reference.hash_grid.hash_grid`.

    The kernels' result is stored feature by feature: its transpose is contiguous.
    """
    if library(x.device) is None or spec.features not in FEATURES or spec.levels > MAX_LEVELS:
        return reference.hash_grid(x, table, spec)
    reference.check(x, table, spec)
    return torch.ops.partnerface.hash_grid(x.t().contiguous(), table, spec.resolutions, spec.log2_size).t()


torch.library.define("partnerface::hash_grid", "(Tensor x, Tensor table, int[] resolutions, int log2_size) -> Tensor")
torch.library.define(
    "partnerface::hash_grid_backward",
    "(Tensor grad, Tensor x, Tensor table, int[] resolutions, int log2_size, bool for_x, bool for_table)"
    " -> (Tensor, Tensor)",
)


@torch.library.impl("partnerface::hash_grid", ("cpu", "cuda"))
def _forward(x: Tensor, table: Tensor, resolutions: Sequence[int], log2_size: int) -> Tensor:
    count, features, levels = x.shape[1], table.shape[1], len(resolutions)
    out = x.new_empty(levels * features, count)
    kernels(x.device).call(
        "hash_grid_forward", "ffnnnnNf", x, table.contiguous(), count, features, levels, log2_size, resolutions, out
    )
    return out


@torch.library.impl("partnerface::hash_grid_backward", ("cpu", "cuda"))
def _backward(
    grad: Tensor, x: Tensor, table: Tensor, resolutions: Sequence[int], log2_size: int, for_x: bool, for_table: bool
) -> tuple[Tensor, Tensor]:
    count, features, levels = x.shape[1], table.shape[1], len(resolutions)
    grad_x = torch.empty_like(x) if for_x else x.new_empty(0)
    grad_table = torch.zeros_like(table, memory_format=torch.contiguous_format) if for_table else x.new_empty(0)
    fixed, scale = _fixed_point(grad, table) if for_table else (None, 1.0)
    kernels(x.device).call(
        "hash_grid_backward",
        "fffnnnnNfflx",
        grad.contiguous(),
        x,
        table.contiguous(),
        count,
        features,
        levels,
        log2_size,
        resolutions,
        grad_x if for_x else None,
        grad_table if for_table else None,
        fixed,
        scale,
    )
    if fixed is not None:
        grad_table = (fixed.double() / scale).to(table.dtype)
    return grad_x, grad_table


def _fixed_point(grad: Tensor, table: Tensor) -> tuple[Tensor | None, float]:
    """On a GPU, where torch is told to be deterministic: 64-bit sums, which are alike in any order, and their unit."""
    if grad.device.type != "cuda" or not torch.are_deterministic_algorithms_enabled():
        return None, 1.0
    # The sum of all that could meet in one place stays below 2^62.
    most = float(grad.abs().amax()) * 8 * grad.shape[1] if grad.numel() else 0.0
    scale = 2.0 ** max(-126.0, min(126.0, 61 - math.ceil(math.log2(most)))) if most > 0 else 1.0
    return torch.zeros_like(table, dtype=torch.int64, memory_format=torch.contiguous_format), scale


@torch.library.register_fake("partnerface::hash_grid")
def _(x: Tensor, table: Tensor, resolutions: Sequence[int], log2_size: int) -> Tensor:
    return x.new_empty(len(resolutions) * table.shape[1], x.shape[1])


@torch.library.register_fake("partnerface::hash_grid_backward")
def _(
    grad: Tensor, x: Tensor, table: Tensor, resolutions: Sequence[int], log2_size: int, for_x: bool, for_table: bool
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x) if for_x else x.new_empty(0), (
        torch.empty_like(table, memory_format=torch.contiguous_format) if for_table else x.new_empty(0)
    )


def _save(ctx, inputs, output) -> None:
    x, table, ctx.resolutions, ctx.log2_size = inputs
    ctx.save_for_backward(x, table)


def _gradients(ctx, grad: Tensor):
    for_x, for_table, *_ = ctx.needs_input_grad
    grad_x, grad_table = torch.ops.partnerface.hash_grid_backward(
        grad, *ctx.saved_tensors, ctx.resolutions, ctx.log2_size, for_x, for_table
    )
    return grad_x if for_x else None, grad_table if for_table else None, None, None


torch.library.register_autograd("partnerface::hash_grid", _gradients, setup_context=_save)
