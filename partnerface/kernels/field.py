"""The op field_networks: the radiance field's two networks in one pass; the reference says what they compute."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.columns import columns
from partnerface.kernels.part_mixture import MAX_LAYERS, mlp

#: Devices whose kernels do both networks at once.
FUSED = ("cpu",)


def field_networks(
    features: Tensor, extra: Tensor, geometry: nn.Sequential, colour: nn.Sequential
) -> tuple[Tensor, Tensor]:
    """Of the first network's outputs one, and what the second makes of the others and of further inputs.

    Args:
        features: [N, D] of the first network. extra: [N, E] of the second, beside the first's outputs but one.
        geometry, colour: linear layers with ReLU between them.

    Returns:
        [N] and [N, C], stored feature by feature. Differentiable in everything.
    """
    fits = max(len(geometry), len(colour)) <= 2 * MAX_LAYERS - 1
    if library(features.device) is None or features.device.type not in FUSED or not fits:
        first = mlp(features, geometry)
        return first[:, 0], mlp(columns(first[:, 1:], extra), colour)
    left, right = torch.ops.partnerface.field(
        features.t().contiguous(), extra.t().contiguous(), _parameters(geometry), _parameters(colour)
    )
    return left, right.t()


def _parameters(network: nn.Sequential) -> list[Tensor]:
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    return [tensor for layer in linear for tensor in (layer.weight.t().contiguous(), layer.bias)]


torch.library.define(
    "partnerface::field", "(Tensor x, Tensor extra, Tensor[] geometry, Tensor[] colour) -> (Tensor, Tensor)"
)
torch.library.define(
    "partnerface::field_backward",
    "(Tensor left, Tensor right, Tensor x, Tensor extra, Tensor[] geometry, Tensor[] colour, bool for_x, "
    "bool for_extra) -> (Tensor, Tensor, Tensor[], Tensor[])",
)


def _widths(parameters: Sequence[Tensor]) -> list[int]:
    return [parameters[0].shape[0], *(weight.shape[1] for weight in parameters[::2])]


@torch.library.impl("partnerface::field", "cpu")
def _forward(x: Tensor, extra: Tensor, geometry: Sequence[Tensor], colour: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    first, second = _widths(geometry), _widths(colour)
    left, right = x.new_empty(x.shape[1]), x.new_empty(second[-1], x.shape[1])
    kernels(x.device).call(
        "field_forward",
        "ffnnNFnNFff",
        x,
        extra,
        x.shape[1],
        len(first) - 1,
        first,
        geometry,
        len(second) - 1,
        second,
        colour,
        left,
        right,
    )
    return left, right


@torch.library.impl("partnerface::field_backward", "cpu")
def _backward(
    left: Tensor,
    right: Tensor,
    x: Tensor,
    extra: Tensor,
    geometry: Sequence[Tensor],
    colour: Sequence[Tensor],
    for_x: bool,
    for_extra: bool,
) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
    first, second = _widths(geometry), _widths(colour)
    grad_x, grad_extra = torch.empty_like(x if for_x else x[:0]), torch.empty_like(extra if for_extra else extra[:0])
    of_geometry, of_colour = [torch.empty_like(one) for one in geometry], [torch.empty_like(one) for one in colour]
    kernels(x.device).call(
        "field_backward",
        "ffffnnNFnNFffFF",
        left.contiguous(),
        right.contiguous(),
        x,
        extra,
        x.shape[1],
        len(first) - 1,
        first,
        geometry,
        len(second) - 1,
        second,
        colour,
        grad_x if for_x else None,
        grad_extra if for_extra else None,
        of_geometry,
        of_colour,
    )
    return grad_x, grad_extra, of_geometry, of_colour


@torch.library.register_fake("partnerface::field")
def _(x: Tensor, extra: Tensor, geometry: Sequence[Tensor], colour: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape[1]), x.new_empty(_widths(colour)[-1], x.shape[1])


@torch.library.register_fake("partnerface::field_backward")
def _(
    left: Tensor,
    right: Tensor,
    x: Tensor,
    extra: Tensor,
    geometry: Sequence[Tensor],
    colour: Sequence[Tensor],
    for_x: bool,
    for_extra: bool,
) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
    return (
        torch.empty_like(x if for_x else x[:0]),
        torch.empty_like(extra if for_extra else extra[:0]),
        [torch.empty_like(one) for one in geometry],
        [torch.empty_like(one) for one in colour],
    )


def _save(ctx, inputs, output) -> None:
    x, extra, geometry, colour = inputs
    ctx.layers = len(geometry)
    ctx.save_for_backward(x, extra, *geometry, *colour)


def _gradients(ctx, left: Tensor, right: Tensor):
    x, extra, *parameters = ctx.saved_tensors
    geometry, colour = parameters[: ctx.layers], parameters[ctx.layers :]
    for_x, for_extra = ctx.needs_input_grad[:2]
    grad_x, grad_extra, of_geometry, of_colour = torch.ops.partnerface.field_backward(
        left, right, x, extra, geometry, colour, for_x, for_extra
    )
    return grad_x if for_x else None, grad_extra if for_extra else None, of_geometry, of_colour


torch.library.register_autograd("partnerface::field", _gradients, setup_context=_save)
