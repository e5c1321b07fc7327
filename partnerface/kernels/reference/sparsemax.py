"""Soft weights with exact zeros (Martins and Astudillo, From Softmax to Sparsemax, ICML 2016)."""

import torch
from torch import Tensor


def check(logits: Tensor) -> None:
    """Raise ValueError where the shape does not fit."""
    if logits.ndim != 2 or not logits.shape[1]:
        raise ValueError(f"logits must have the shape [N, K] with a K of at least 1, not {list(logits.shape)}")


def sparsemax(logits: Tensor) -> Tensor:
    """The point of the probability simplex that is nearest to each row: [N, K] → [N, K]. Differentiable.

    w_k = max(z_k - τ, 0) with the τ at which they sum to 1 (equation 2 and proposition 1 of the source).

    Raises:
        ValueError: the shape does not fit.
    """
    check(logits)
    with torch.no_grad():
        live = torch.ones_like(logits, dtype=torch.bool)
        # What lies below the threshold of those that are left goes; each round but the last drops one at least.
        for _ in range(logits.shape[1]):
            live = logits > _threshold(logits, live)
    return (logits - _threshold(logits, live)).clamp(min=0)


def _threshold(logits: Tensor, live: Tensor) -> Tensor:
    return ((logits * live).sum(1, keepdim=True) - 1) / live.sum(1, keepdim=True)
