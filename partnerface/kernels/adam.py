"""The op adam, which works in place; the reference says what it computes."""

import torch
from torch import Tensor

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.reference import adam as reference


def adam(
    gradient: Tensor,
    value: Tensor,
    first: Tensor,
    second: Tensor,
    mean: Tensor,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
    step: int,
    scale: float,
    memory: float,
) -> None:
    """Take a step of Adam and of the running mean, in place; see `reference.adam.adam`.

    Raises:
        ValueError: shapes differ, or what is changed isn't contiguous.
    """
    if any(one.shape != gradient.shape for one in (value, first, second, mean)):
        raise ValueError("gradient, value, moments and mean must have one shape")
    if library(value.device) is None:
        return reference.adam(gradient, value, first, second, mean, rate, betas, epsilon, step, scale, memory)
    corrected, root = rate / (1 - betas[0] ** step), (1 - betas[1] ** step) ** -0.5
    torch.ops.partnerface.adam(gradient, value, first, second, mean, corrected, *betas, epsilon, root, scale, memory)


torch.library.define(
    "partnerface::adam",
    "(Tensor gradient, Tensor(a!) value, Tensor(b!) first, Tensor(c!) second, Tensor(d!) mean, float rate, "
    "float beta1, float beta2, float epsilon, float root, float scale, float memory) -> ()",
)


@torch.library.impl("partnerface::adam", ("cpu", "cuda"))
def _adam(gradient: Tensor, value: Tensor, first: Tensor, second: Tensor, mean: Tensor, *numbers: float) -> None:
    kernels(value.device).call(
        "adam", "fnffffxxxxxxx", gradient.contiguous(), value.numel(), value, first, second, mean, *numbers
    )


@torch.library.register_fake("partnerface::adam")
def _(gradient: Tensor, value: Tensor, first: Tensor, second: Tensor, mean: Tensor, *numbers: float) -> None:
    return None
