"""The ops part_mixture and mlp, which is a mixture of one; the reference says what they compute."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import part_mixture as reference

#: Layers that the kernels can hold.
MAX_LAYERS = 8


def part_mixture(
    features: Tensor,
    weights: Tensor | None,
    layers: list[tuple[Tensor, Tensor]],
    bound: float = -1.0,
    amounts: Tensor | None = None,
    slot: Tensor | None = None,
) -> Tensor:
    """sum_k weights[:, k] MLP_k(features), added up by amounts [N, D]; see `reference.part_mixture.part_mixture`.

    Inputs that are stored feature by feature (their transpose is contiguous) are read as they stand, and the kernels'
    result is stored so.
    """
    if library(features.device) is None or len(layers) > MAX_LAYERS:
        return reference.part_mixture(features, weights, layers, bound, amounts, slot)
    reference.check(features, weights, layers, amounts, slot)
    if amounts is not None and slot is not None and amounts.requires_grad:
        # The kernels have no gradient for them: nothing that is trained wants one.
        return reference.add_up(part_mixture(features, weights, layers, bound), amounts, slot)
    parameters = [tensor.contiguous() for pair in layers for tensor in pair]
    inputs = [features, *([] if weights is None else [weights]), *parameters]
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    turned = None if weights is None else weights.t().contiguous()
    added = (None, None) if amounts is None or slot is None else (amounts.contiguous(), slot.int())
    return torch.ops.partnerface.part_mixture(features.t().contiguous(), turned, *added, parameters, bound, keep)[0].t()


def mlp(features: Tensor, network: nn.Sequential) -> Tensor:
    """Linear layers with ReLU between them: [N, D] → [N, D_out], stored as by `part_mixture`."""
    if library(features.device) is None:
        return network(features)
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    return part_mixture(features, None, [(layer.weight.t()[None], layer.bias[None]) for layer in linear])


torch.library.define(
    "partnerface::part_mixture",
    "(Tensor x, Tensor? weights, Tensor? amounts, Tensor? slot, Tensor[] parameters, float bound, bool keep) "
    "-> (Tensor, Tensor)",
)
torch.library.define(
    "partnerface::part_mixture_backward",
    "(Tensor grad, Tensor x, Tensor? weights, Tensor? amounts, Tensor? slot, Tensor[] parameters, float bound, "
    "Tensor kept, bool for_x, bool for_weights) -> (Tensor, Tensor, Tensor[])",
)


def _widths(parameters: Sequence[Tensor]) -> list[int]:
    return [parameters[0].shape[1], *(weight.shape[2] for weight in parameters[::2])]


def _room(x: Tensor, amounts: Tensor | None, parameters: Sequence[Tensor], keep: bool) -> tuple[Tensor, Tensor]:
    """Where the outputs go, and the hidden values that the backward pass wants to be kept."""
    widths, parts, count = _widths(parameters), parameters[0].shape[0], x.shape[1]
    out = x.new_empty(widths[-1] // (1 if amounts is None else amounts.shape[1]), count)
    kept = kernels(x.device).number("part_mixture_kept", "nnnN", count, parts, len(widths) - 1, widths) if keep else 0
    return out, x.new_empty(kept)


@torch.library.impl("partnerface::part_mixture", ("cpu", "cuda"))
def _forward(
    x: Tensor,
    weights: Tensor | None,
    amounts: Tensor | None,
    slot: Tensor | None,
    parameters: Sequence[Tensor],
    bound: float,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    widths = _widths(parameters)
    out, kept = _room(x, amounts, parameters, keep)
    kernels(x.device).call(
        "part_mixture_forward",
        "fffinnnnNFxff",
        x,
        weights,
        amounts,
        slot,
        0 if amounts is None else amounts.shape[1],
        x.shape[1],
        parameters[0].shape[0],
        len(widths) - 1,
        widths,
        parameters,
        bound,
        out,
        kept if kept.numel() else None,
    )
    return out, kept


@torch.library.impl("partnerface::part_mixture_backward", ("cpu", "cuda"))
def _backward(
    grad: Tensor,
    x: Tensor,
    weights: Tensor | None,
    amounts: Tensor | None,
    slot: Tensor | None,
    parameters: Sequence[Tensor],
    bound: float,
    kept: Tensor,
    for_x: bool,
    for_weights: bool,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    widths = _widths(parameters)
    grad_x = torch.empty_like(x) if for_x else x.new_empty(0)
    grad_weights = torch.empty_like(weights) if weights is not None and for_weights else x.new_empty(0)
    gradients = [torch.empty_like(tensor) for tensor in parameters]
    kernels(x.device).call(
        "part_mixture_backward",
        "ffffinnnnNFxfffF",
        grad.contiguous(),
        x,
        weights,
        amounts,
        slot,
        0 if amounts is None else amounts.shape[1],
        x.shape[1],
        parameters[0].shape[0],
        len(widths) - 1,
        widths,
        parameters,
        bound,
        kept if kept.numel() else None,
        grad_x if for_x else None,
        grad_weights if grad_weights.numel() else None,
        gradients,
    )
    return grad_x, grad_weights, gradients


@torch.library.register_fake("partnerface::part_mixture")
def _(x, weights, amounts, slot, parameters, bound, keep) -> tuple[Tensor, Tensor]:
    return _room(x, amounts, parameters, keep)


@torch.library.register_fake("partnerface::part_mixture_backward")
def _(
    grad: Tensor,
    x: Tensor,
    weights: Tensor | None,
    amounts: Tensor | None,
    slot: Tensor | None,
    parameters: Sequence[Tensor],
    bound: float,
    kept: Tensor,
    for_x: bool,
    for_weights: bool,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    return (
        torch.empty_like(x) if for_x else x.new_empty(0),
        torch.empty_like(weights) if weights is not None and for_weights else x.new_empty(0),
        [torch.empty_like(tensor) for tensor in parameters],
    )


def _save(ctx, inputs, output) -> None:
    x, weights, amounts, slot, parameters, ctx.bound, _ = inputs
    kept = output[1]
    ctx.mark_non_differentiable(kept)
    ctx.set_materialize_grads(False)
    given = [weights, amounts, slot]
    ctx.given = [tensor is not None for tensor in given]
    ctx.save_for_backward(x, kept, *(tensor for tensor in given if tensor is not None), *parameters)


def _gradients(ctx, grad: Tensor | None, _: Tensor | None):
    x, kept, *rest = ctx.saved_tensors
    weights, amounts, slot = (rest.pop(0) if given else None for given in ctx.given)
    if grad is None:
        return None, None, None, None, [None] * len(rest), None, None
    for_x, for_weights = ctx.needs_input_grad[:2]
    grad_x, grad_weights, gradients = torch.ops.partnerface.part_mixture_backward(
        grad, x, weights, amounts, slot, rest, ctx.bound, kept, for_x, for_weights
    )
    return grad_x if for_x else None, grad_weights if for_weights else None, None, None, gradients, None, None


torch.library.register_autograd("partnerface::part_mixture", _gradients, setup_context=_save)
