"""Ops on rays' packed samples: composite_weights, ray_sums and its transpose ray_spread; see the reference."""

import torch
from torch import Tensor

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import composite as reference


def composite_weights(density: Tensor, length: Tensor, ray: Tensor) -> Tensor:
    """Compositing weights [M]; see `reference.composite.composite_weights`."""
    if library(density.device) is None:
        return reference.composite_weights(density, length, ray)
    reference.check(density, length, ray)
    return torch.ops.partnerface.composite(density.contiguous(), length.contiguous(), ray)


def ray_sums(values: Tensor, ray: Tensor, rays: int) -> Tensor:
    """Sums over each ray's samples, [M, C] or [M] → [rays, C] or [rays]; see `reference.composite.ray_sums`."""
    if library(values.device) is None:
        return reference.ray_sums(values, ray, rays)
    sums = torch.ops.partnerface.ray_sums(_rows(values), ray, rays)
    return sums[0] if values.ndim == 1 else sums.t()


def ray_spread(values: Tensor, ray: Tensor) -> Tensor:
    """values[ray]: [rays, C] or [rays] → [M, C] or [M]; see `reference.composite.ray_spread`."""
    if library(values.device) is None:
        return reference.ray_spread(values, ray)
    spread = torch.ops.partnerface.ray_spread(_rows(values), ray)
    return spread[0] if values.ndim == 1 else spread.t()


def _rows(values: Tensor) -> Tensor:
    return (values[None] if values.ndim == 1 else values.t()).contiguous()


torch.library.define("partnerface::composite", "(Tensor density, Tensor length, Tensor ray) -> Tensor")
torch.library.define(
    "partnerface::composite_backward",
    "(Tensor grad, Tensor density, Tensor length, Tensor weight, Tensor ray) -> Tensor",
)
torch.library.define("partnerface::ray_sums", "(Tensor values, Tensor ray, int rays) -> Tensor")
torch.library.define("partnerface::ray_spread", "(Tensor values, Tensor ray) -> Tensor")


@torch.library.impl("partnerface::composite", ("cpu", "cuda"))
def _composite(density: Tensor, length: Tensor, ray: Tensor) -> Tensor:
    weight = torch.empty_like(density)
    kernels(density.device).call("composite_forward", "fflnf", density, length, ray, len(ray), weight)
    return weight


@torch.library.impl("partnerface::composite_backward", ("cpu", "cuda"))
def _composite_backward(grad: Tensor, density: Tensor, length: Tensor, weight: Tensor, ray: Tensor) -> Tensor:
    to = torch.empty_like(density)
    kernels(density.device).call(
        "composite_backward", "fffflnf", grad.contiguous(), density, length, weight, ray, len(ray), to
    )
    return to


@torch.library.impl("partnerface::ray_sums", ("cpu", "cuda"))
def _ray_sums(values: Tensor, ray: Tensor, rays: int) -> Tensor:
    sums = values.new_empty(len(values), rays)
    kernels(values.device).call("ray_sums", "flnnnf", values.contiguous(), ray, len(ray), len(values), rays, sums)
    return sums


@torch.library.impl("partnerface::ray_spread", ("cpu", "cuda"))
def _ray_spread(values: Tensor, ray: Tensor) -> Tensor:
    spread = values.new_empty(len(values), len(ray))
    channels, rays = values.shape
    kernels(values.device).call("ray_spread", "flnnnf", values.contiguous(), ray, len(ray), channels, rays, spread)
    return spread


@torch.library.register_fake("partnerface::composite")
def _(density: Tensor, length: Tensor, ray: Tensor) -> Tensor:
    return torch.empty_like(density)


@torch.library.register_fake("partnerface::composite_backward")
def _(grad: Tensor, density: Tensor, length: Tensor, weight: Tensor, ray: Tensor) -> Tensor:
    return torch.empty_like(density)


@torch.library.register_fake("partnerface::ray_sums")
def _(values: Tensor, ray: Tensor, rays: int) -> Tensor:
    return values.new_empty(len(values), rays)


@torch.library.register_fake("partnerface::ray_spread")
def _(values: Tensor, ray: Tensor) -> Tensor:
    return values.new_empty(len(values), len(ray))


def _save_composite(ctx, inputs, output) -> None:
    density, length, ray = inputs
    ctx.save_for_backward(density, length, output, ray)


def _composite_gradients(ctx, grad: Tensor):
    return torch.ops.partnerface.composite_backward(grad, *ctx.saved_tensors), None, None


def _save_sums(ctx, inputs, output) -> None:
    ctx.save_for_backward(inputs[1])


def _save_spread(ctx, inputs, output) -> None:
    ctx.rays = inputs[0].shape[1]
    ctx.save_for_backward(inputs[1])


def _sums_gradients(ctx, grad: Tensor):
    return torch.ops.partnerface.ray_spread(grad, *ctx.saved_tensors), None, None


def _spread_gradients(ctx, grad: Tensor):
    return torch.ops.partnerface.ray_sums(grad, *ctx.saved_tensors, ctx.rays), None


torch.library.register_autograd("partnerface::composite", _composite_gradients, setup_context=_save_composite)
torch.library.register_autograd("partnerface::ray_sums", _sums_gradients, setup_context=_save_sums)
torch.library.register_autograd("partnerface::ray_spread", _spread_gradients, setup_context=_save_spread)
