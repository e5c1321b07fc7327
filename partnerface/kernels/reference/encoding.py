"""Positional encoding (Mildenhall et al., NeRF, ECCV 2020, equation 4)."""

import math

import torch
from torch import Tensor


def check(x: Tensor) -> None:
    """Raise ValueError where the shape does not fit."""
    if x.ndim != 2 or x.shape[1] != 3:
        raise ValueError(f"x must have the shape [N, 3], not {list(x.shape)}")


def positional_encoding(x: Tensor, octaves: int) -> Tensor:
    """x, sin(2^i pi x), cos(2^i pi x) for i < octaves: [N, 3] → [N, 3 + 6 octaves]. Differentiable.

    Raises:
        ValueError: the shape does not fit.
    """
    check(x)
    if octaves == 0:
        return x
    scaled = (x[:, None] * (2.0 ** torch.arange(octaves, device=x.device) * math.pi)[:, None]).reshape(
        len(x), 3 * octaves
    )
    return torch.cat([x, scaled.sin(), scaled.cos()], dim=1)
