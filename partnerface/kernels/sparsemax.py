"""The op sparsemax; the reference says what it computes."""

import torch
from torch import Tensor

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import sparsemax as reference


def sparsemax(logits: Tensor) -> Tensor:
    """[N, K] → [N, K]; see `reference.sparsemax.sparsemax`.

    Read and written feature by feature: the result's transpose is contiguous.
    """
    if library(logits.device) is None:
        return reference.sparsemax(logits)
    reference.check(logits)
    return torch.ops.partnerface.sparsemax(logits.t().contiguous()).t()


torch.library.define("partnerface::sparsemax", "(Tensor logits) -> Tensor")
torch.library.define("partnerface::sparsemax_backward", "(Tensor grad, Tensor weights) -> Tensor")


@torch.library.impl("partnerface::sparsemax", ("cpu", "cuda"))
def _forward(logits: Tensor) -> Tensor:
    out = torch.empty_like(logits)
    kernels(logits.device).call("sparsemax_forward", "fnnf", logits, logits.shape[1], logits.shape[0], out)
    return out


@torch.library.impl("partnerface::sparsemax_backward", ("cpu", "cuda"))
def _backward(grad: Tensor, weights: Tensor) -> Tensor:
    to = torch.empty_like(weights)
    kernels(grad.device).call(
        "sparsemax_backward", "ffnnf", grad.contiguous(), weights, weights.shape[1], weights.shape[0], to
    )
    return to


@torch.library.register_fake("partnerface::sparsemax")
def _(logits: Tensor) -> Tensor:
    return torch.empty_like(logits)


@torch.library.register_fake("partnerface::sparsemax_backward")
def _(grad: Tensor, weights: Tensor) -> Tensor:
    return torch.empty_like(weights)


def _save(ctx, inputs, output) -> None:
    ctx.save_for_backward(output)


def _gradients(ctx, grad: Tensor):
    return torch.ops.partnerface.sparsemax_backward(grad, *ctx.saved_tensors)


torch.library.register_autograd("partnerface::sparsemax", _gradients, setup_context=_save)
