"""Metrics of single pixels: PSNR under both area rules, and L1.

Every metric of this package is a function of two images, float64 (3, H, W) sRGB in [0, 1], that does the common work
once and returns a `Score`: a function from a region's mask, bool (H, W) or None for the whole image, to one number.
The error is averaged over the pixels of the region ("area rule: mask"); `psnr_image` alone averages over the image.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Score = Callable[[Tensor | None], float]
Metric = Callable[[Tensor, Tensor], Score]

#: Equal images would have an infinite PSNR, and one of them an infinite mean; the squared error is not let below this.
LEAST_SQUARED_ERROR = 1e-10


def masked_mean(values: Tensor, mask: Tensor | None) -> float:
    """The mean of (C, H, W) or (H, W) values over the pixels of a mask, or over all of them."""
    return float((values if mask is None else values[..., mask]).mean())


def l1(truth: Tensor, image: Tensor) -> Score:
    """Mean absolute error over the pixels and channels of a region, in units of the [0, 1] range."""
    error = (truth - image).abs()
    return lambda mask: masked_mean(error, mask)


def psnr(truth: Tensor, image: Tensor) -> Score:
    """Peak signal-to-noise ratio in dB, -10 log10(mean squared error), of one image.

    Tables hold the mean of these per-image values, as papers print it, and not the PSNR of the mean squared error,
    which is never greater. Equal images score 100 dB.
    """
    error = (truth - image).square()
    return lambda mask: -10 * math.log10(max(masked_mean(error, mask), LEAST_SQUARED_ERROR))


def psnr_image(truth: Tensor, image: Tensor) -> Score:
    """PSNR, as `psnr`, of a region's squared error divided by the whole image's area ("area rule: image").

    So papers measure that black out what lies outside a region and take the PSNR of the whole image; of a small region
    it is many decibels greater.
    """
    error = (truth - image).square()

    def score(mask: Tensor | None) -> float:
        share = 1.0 if mask is None else float(mask.double().mean())
        return -10 * math.log10(max(masked_mean(error, mask) * share, LEAST_SQUARED_ERROR))

    return score


def as_tensor(image: np.ndarray) -> Tensor:
    """A uint8 (H, W, 3) image as float64 (3, H, W) in [0, 1]."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1).to(torch.float64) / 255
