"""The op positional_encoding; the reference says what it computes."""

import torch
from torch import Tensor

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import encoding as reference


def positional_encoding(x: Tensor, octaves: int) -> Tensor:
    """[N, 3] → [N, 3 + 6 octaves]; see `reference.encoding.positional_encoding`.

    The kernels' result is stored feature by feature: its transpose is contiguous.
    """
    if library(x.device) is None:
        return reference.positional_encoding(x, octaves)
    reference.check(x)
    return torch.ops.partnerface.positional_encoding(x.t().contiguous(), octaves).t()


torch.library.define("partnerface::positional_encoding", "(Tensor x, int octaves) -> Tensor")
torch.library.define(
    "partnerface::positional_encoding_backward", "(Tensor grad, Tensor encoded, int octaves) -> Tensor"
)


@torch.library.impl("partnerface::positional_encoding", ("cpu", "cuda"))
def _forward(x: Tensor, octaves: int) -> Tensor:
    out = x.new_empty(3 + 6 * octaves, x.shape[1])
    kernels(x.device).call("encoding_forward", "fnnf", x, x.shape[1], octaves, out)
    return out


@torch.library.impl("partnerface::positional_encoding_backward", ("cpu", "cuda"))
def _backward(grad: Tensor, encoded: Tensor, octaves: int) -> Tensor:
    to = encoded.new_empty(3, encoded.shape[1])
    kernels(grad.device).call("encoding_backward", "ffnnf", grad.contiguous(), encoded, encoded.shape[1], octaves, to)
    return to


@torch.library.register_fake("partnerface::positional_encoding")
def _(x: Tensor, octaves: int) -> Tensor:
    return x.new_empty(3 + 6 * octaves, x.shape[1])


@torch.library.register_fake("partnerface::positional_encoding_backward")
def _(grad: Tensor, encoded: Tensor, octaves: int) -> Tensor:
    return encoded.new_empty(3, encoded.shape[1])


def _save(ctx, inputs, output) -> None:
    ctx.octaves = inputs[1]
    ctx.save_for_backward(output)


def _gradients(ctx, grad: Tensor):
    return torch.ops.partnerface.positional_encoding_backward(grad, *ctx.saved_tensors, ctx.octaves), None


torch.library.register_autograd("partnerface::positional_encoding", _gradients, setup_context=_save)
