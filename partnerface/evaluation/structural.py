"""Structural similarity on one scale and on several.

SSIM: Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment: from error visibility to structural
similarity", IEEE TIP 2004: Gaussian window of 11 x 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, data range 1, variances
without Bessel's correction. Multi-scale SSIM: Z. Wang, E. Simoncelli, A. Bovik, "Multi-scale structural similarity for
image quality assessment", Asilomar 2003: contrast and structure on each scale, luminance on the coarsest, the weights
below. Both are computed in each colour channel and averaged over the channels. Float64 throughout: the variances are
differences of large numbers.
"""

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from partnerface.errors import InputError
from partnerface.evaluation.pixel import Score

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03
#: Exponents of the scales, finest first (Wang 2003, table of section 3.2).
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

_HALF = WINDOW // 2


@functools.cache
def _band(size: int) -> Tensor:
    """(size - 10, size) matrix whose rows hold the Gaussian window, each one step further on."""
    x = torch.arange(size, dtype=torch.float64)
    offset = x - (x[: size - 2 * _HALF, None] + _HALF)
    kernel = torch.exp(-0.5 * (offset / SIGMA) ** 2) * (offset.abs() <= _HALF)
    return kernel / kernel.sum(1, keepdim=True)


def _blur(images: Tensor) -> Tensor:
    """Gaussian means of (B, H, W) images where the window lies inside: (B, H - 10, W - 10).

    As matrix products: in float64 on a CPU some four times as quick as a convolution with one channel.
    """
    return _band(images.shape[-2]) @ (images @ _band(images.shape[-1]).T)


def _check_size(image: Tensor) -> None:
    if min(image.shape[-2:]) < WINDOW:
        raise InputError(
            f"SSIM wants images of at least {WINDOW} px, these have {image.shape[-1]} x {image.shape[-2]}; "
            "raise `size` in the section `dataset` of config.yaml"
        )


def similarity_maps(truth: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure factor at each pixel whose window lies inside the image.

    Args:
        truth, image: (C, H, W), float64 in [0, 1], H and W at least 11.

    Returns:
        Two (C, H - 10, W - 10) maps; element (y, x) is the window centred on pixel (y + 5, x + 5).

    Raises:
        InputError: the image is smaller than the window.
    """
    _check_size(truth)
    channels = truth.shape[0]
    stack = torch.cat([truth, image, truth * truth, image * image, truth * image])
    mean_t, mean_i, tt, ii, ti = _blur(stack).split(channels)
    var_t, var_i, covariance = tt - mean_t**2, ii - mean_i**2, ti - mean_t * mean_i
    contrast_structure = (2 * covariance + K2**2) / (var_t + var_i + K2**2)
    luminance = (2 * mean_t * mean_i + K1**2) / (mean_t**2 + mean_i**2 + K1**2)
    return luminance * contrast_structure, contrast_structure


def ssim(truth: Tensor, image: Tensor) -> Score:
    """SSIM: the mean over the windows whose centre lies in the region and which lie wholly inside the image.

    A region that lies within 5 px of the image's border has no such window; its score is NaN.
    """
    similarity, _ = similarity_maps(truth, image)

    def score(mask: Tensor | None) -> float:
        inner = None if mask is None else mask[_HALF:-_HALF, _HALF:-_HALF]
        chosen = similarity if inner is None else similarity[:, inner]
        return float(chosen.mean())

    return score


def scale_count(height: int, width: int) -> int:
    """On how many scales, at most five, the 11 x 11 window fits (five from 176 px on)."""
    count = 0
    while count < len(SCALE_WEIGHTS) and min(height, width) >> count >= WINDOW:
        count += 1
    return count


def ms_ssim(truth: Tensor, image: Tensor) -> Score:
    """Multi-scale SSIM.

    * Scales are halved by the mean of 2 x 2 pixels; an odd last row or column is dropped.
    * Images too small for five scales are scored on those that fit, with the weights of these made to sum to one;
      the protocol records how many they are.
    * The whole image: means over the windows inside it, as published. A region: the windows at all pixels, with the
      image reflected at its border (the coarsest maps are a few pixels wide), weighted by the share of the region in
      each pixel of the scale.
    * Negative means count as zero, since they are raised to broken powers.
    """
    _check_size(truth)
    scales = scale_count(*truth.shape[-2:])
    weights = [weight / sum(SCALE_WEIGHTS[:scales]) for weight in SCALE_WEIGHTS[:scales]]
    pyramid = [torch.stack([truth, image])]
    for _ in range(1, scales):
        pyramid.append(F.avg_pool2d(pyramid[-1], 2))

    # On each scale the map whose mean counts: contrast-structure, at last the whole similarity; at all pixels, and
    # without those whose window reaches beyond the border.
    padded = [F.pad(images, (_HALF,) * 4, mode="reflect") for images in pyramid]
    reflected = [similarity_maps(*images)[scale < scales - 1] for scale, images in enumerate(padded)]
    inner = [values[:, _HALF:-_HALF, _HALF:-_HALF] for values in reflected]

    def product(means: list[Tensor]) -> float:
        factors = [mean.clamp(min=0) ** weight for mean, weight in zip(means, weights, strict=True)]
        return float(torch.stack(factors).prod(0).mean())

    def score(mask: Tensor | None) -> float:
        if mask is None:
            return product([values.mean((-2, -1)) for values in inner])
        share, means = mask.to(truth.dtype)[None], []
        for values in reflected:
            means.append((values * share).sum((-2, -1)) / share.sum())
            share = F.avg_pool2d(share, 2)
        return product(means)

    return score
