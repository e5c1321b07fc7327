"""What the surface looks like: a free texture under one distant light per frame.

In logarithms texture and light add up: log I = a + h(n) . l, with a the texture of a place, n its normal in camera axes
and h the spherical harmonics up to degree 2, which hold 99 % of what distant light does to a matt surface (Ramamoorthi
and Hanrahan 2001). Both are found in turn, each a small linear least-squares problem.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

HARMONICS = 9
#: Residuals beyond so many deviations stop counting: a highlight, a hand, a shadow.
OUTLIER = 3.0
#: Least deviation of a place's looks, in logarithms of brightness: noise of camera and coder.
LEAST_SPREAD = 0.022
_TURNS = 4
# How much wider the spread is taken to be in each turn of a light that starts from nothing.
_PATIENCE = (16.0, 4.0, 1.0)
# Precision of a light coefficient at rest, as a share of all that a frame's places say.
_RIDGE = 5e-4


@dataclass
class Texture:
    """What the places look like without light.

    Attributes:
        mean: (n,) logarithm of brightness.
        spread: (n,) its deviation over the frames, LEAST_SPREAD or more.
    """

    mean: Tensor
    spread: Tensor


def harmonics(normals: Tensor) -> Tensor:
    """Real spherical harmonics up to degree 2, unnormalised, (..., 9) of unit normals (..., 3)."""
    x, y, z = normals.unbind(-1)
    one = torch.ones_like(x)
    return torch.stack([one, x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], dim=-1)


def texture_and_light(values: Tensor, weights: Tensor, bases: Tensor) -> tuple[Texture, Tensor]:
    """Texture of n places and light (T, 9) of T frames.

    Args:
        values: (T, n) logarithms of brightness.
        weights: (T, n) >= 0, zero where a place is hidden.
        bases: (T, n, 9) harmonics of the normals.
    """
    light = values.new_zeros(len(values), HARMONICS)
    texture = _texture(values, weights)
    for _ in range(_TURNS):
        light = light_of(values, weights, bases, texture, light)
        texture = _texture(values - shade(bases, light), weights)
    return texture, light


def light_of(values: Tensor, weights: Tensor, bases: Tensor, texture: Texture, light: Tensor | None = None) -> Tensor:
    """Light (T, 9) that best explains the looks given the texture; `light` is where the robust weights start."""
    above = values - texture.mean
    if light is not None:
        return _light(above, weights, bases, texture.spread, light)
    level = torch.where(weights > 0, above, torch.nan).nanmedian(1).values.nan_to_num(0.0)
    light = torch.cat([level[:, None], values.new_zeros(len(values), HARMONICS - 1)], dim=1)
    # Under the frame's level alone a slanting light would pass for outliers.
    for patience in _PATIENCE:
        light = _light(above, weights, bases, patience * texture.spread, light)
    return light


def _light(above: Tensor, weights: Tensor, bases: Tensor, spread: Tensor, light: Tensor) -> Tensor:
    """One weighted least-squares step, outliers being those under the given light."""
    off = (above - shade(bases, light)) / spread
    share = weights / (1 + (off / OUTLIER) ** 2) ** 2 / spread**2
    matrix = torch.einsum("tn,tnk,tnl->tkl", share, bases, bases)
    ridge = (_RIDGE * share.sum(1) + 1e-6)[:, None, None] * torch.eye(HARMONICS, dtype=bases.dtype)
    vector = torch.einsum("tn,tnk->tk", share * above, bases)
    return torch.linalg.solve(matrix + ridge, vector)


def shade(bases: Tensor, light: Tensor) -> Tensor:
    """(T, n) what the light adds, from (T, n, 9) and (T, 9)."""
    return (bases @ light[..., None])[..., 0]


def _texture(values: Tensor, weights: Tensor) -> Texture:
    """Mean over the frames that lets outliers go, and spread from the median distance to it."""
    seen = weights > 0
    mean = torch.where(seen, values, torch.nan).nanmedian(0).values.nan_to_num(0.0)
    spread = mean
    for _ in range(3):
        off = values - mean
        # What is never seen says nothing.
        middle = torch.where(seen, off.abs(), torch.nan).nanmedian(0).values.nan_to_num(1e3)
        spread = (1.4826 * middle).clamp(min=LEAST_SPREAD)
        share = weights / (1 + (off / spread) ** 2) ** 2
        mean = (share * values).sum(0) / share.sum(0).clamp(min=1e-9)
    return Texture(mean, spread)
