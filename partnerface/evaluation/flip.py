"""FLIP: how far one would see two images differ when flipping back and forth between them.

P. Andersson, J. Nilsson, T. Akenine-Möller, M. Oskarsson, K. Åström, M. Fairchild, "FLIP: A Difference Evaluator for
Alternating Images", Proc. ACM Comput. Graph. Interact. Tech. 3(2), 2020, for images of low dynamic range. Two
pipelines meet in a map of values from 0 (no difference) to 1:

* colour: each image, in the linear opponent space YCxCz, is blurred by the eye's contrast sensitivity in each channel
  for a viewing distance; in Hunt-adjusted L*a*b* the HyAB distance is taken, raised to 0.7 and mapped so that nothing
  above 0.4 of the greatest distance (green to blue) fills more than the last 5 % of the range,
* features: edges and points are found in the luminance by first and second derivatives of a Gaussian of the width of
  the eye's edge detectors; the greater of the two differences of magnitude, to the power 0.5.

The map is colour ** (1 - features). All filters are products of a filter along x and one along y, and the image is
repeated beyond its border.
"""

import functools
import math

import torch
from torch import Tensor

from partnerface.evaluation.pixel import Score, masked_mean

#: Pixels per degree of the visual field: 0.7 m before a screen 0.7 m and 3840 px wide, the paper's default.
PIXELS_PER_DEGREE = 0.7 * 3840 / 0.7 * math.pi / 180

#: Exponents of the colour and the feature difference; the share of the greatest colour difference that is mapped to
#: `_KNEE`.
_COLOUR_POWER, _FEATURE_POWER = 0.7, 0.5
_SHARE, _KNEE = 0.4, 0.95
#: Width of the feature detectors, degrees.
_FEATURE_WIDTH = 0.082
#: Contrast sensitivity of Y, Cx, Cz: pairs (a, b) of the terms a sqrt(pi / b) exp(-pi^2 x^2 / b), x in degrees.
_SENSITIVITY = (((1.0, 0.0047),), ((1.0, 0.0053),), ((34.1, 0.04), (13.5, 0.025)))

#: Linear sRGB to CIE XYZ, and the white that it maps (1, 1, 1) to (D65).
_TO_XYZ = torch.tensor(
    [
        [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794],
        [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897],
        [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382],
    ],
    dtype=torch.float64,
)
_WHITE = _TO_XYZ.sum(1)
#: XYZ, relative to the white, to YCxCz up to the constant -16 of Y.
_TO_OPPONENT = torch.tensor([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]], dtype=torch.float64)


def flip(truth: Tensor, image: Tensor) -> Score:
    """Mean of the FLIP map over a region, at `PIXELS_PER_DEGREE`; 0 is equal, lower is better."""
    values = flip_map(truth, image)
    return lambda mask: masked_mean(values, mask)


def flip_map(truth: Tensor, image: Tensor, pixels_per_degree: float = PIXELS_PER_DEGREE) -> Tensor:
    """The FLIP map (H, W) of two (3, H, W) float64 sRGB images in [0, 1]."""
    opponent = [_mix(_to_linear(picture), _rgb_to_opponent()) for picture in (truth, image)]
    one, other = (_as_lab(_seen(picture, pixels_per_degree)) for picture in opponent)
    colour = _colour_difference(one, other)
    # Y without its constant, over 116, is the relative luminance.
    feature = _feature_difference(opponent[0][0] / 116, opponent[1][0] / 116, pixels_per_degree)
    return colour ** (1 - feature)


def _mix(image: Tensor, matrix: Tensor) -> Tensor:
    """A matrix times the channels of (3, H, W)."""
    return torch.einsum("ij,jhw->ihw", matrix, image)


def _rgb_to_opponent() -> Tensor:
    return _TO_OPPONENT @ (_TO_XYZ / _WHITE[:, None])


def _to_linear(image: Tensor) -> Tensor:
    return torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)


def _seen(opponent: Tensor, pixels_per_degree: float) -> Tensor:
    """YCxCz as the eye resolves it, back in linear sRGB, kept within [0, 1]."""
    # The widest of the filters sets the reach of them all.
    widest = max(b for terms in _SENSITIVITY for _, b in terms)
    reach = math.ceil(3 * math.sqrt(widest / (2 * math.pi**2)) * pixels_per_degree)
    x = torch.arange(-reach, reach + 1, dtype=torch.float64) / pixels_per_degree
    channels = []
    for channel, terms in zip(opponent, _SENSITIVITY, strict=True):
        blurred, total = torch.zeros_like(channel), 0.0
        for a, b in terms:
            taps = torch.exp(-(math.pi**2) * x**2 / b)
            # In two dimensions a term's whole weight is its height times the sum of its taps, squared.
            weight = a * math.sqrt(math.pi / b) * float(taps.sum()) ** 2
            blurred += weight * _filtered(channel, taps / taps.sum(), taps / taps.sum())
            total += weight
        channels.append(blurred / total)
    return _mix(torch.stack(channels), torch.linalg.inv(_rgb_to_opponent())).clamp(0, 1)


def _as_lab(linear: Tensor) -> Tensor:
    """Linear sRGB as Hunt-adjusted L*a*b*: chroma counts in proportion to lightness."""
    xyz = _mix(linear, _TO_XYZ / _WHITE[:, None])
    delta = 6 / 29
    root = torch.where(xyz > delta**3, xyz.clamp(min=delta**3) ** (1 / 3), xyz / (3 * delta**2) + 4 / 29)
    lightness = 116 * root[1] - 16
    a, b = 500 * (root[0] - root[1]), 200 * (root[1] - root[2])
    return torch.stack([lightness, 0.01 * lightness * a, 0.01 * lightness * b])


def _hyab(one: Tensor, other: Tensor) -> Tensor:
    """City-block distance in lightness plus Euclidean distance in chroma."""
    difference = one - other
    return difference[0].abs() + torch.hypot(difference[1], difference[2])


def _colour_difference(one: Tensor, other: Tensor) -> Tensor:
    error = _hyab(one, other) ** _COLOUR_POWER
    most = _greatest()
    low = _SHARE * most
    return torch.where(error < low, error * (_KNEE / low), _KNEE + (error - low) / (most - low) * (1 - _KNEE))


@functools.cache
def _greatest() -> float:
    """The colour difference of pure green and pure blue."""
    green, blue = (_as_lab(torch.tensor(rgb, dtype=torch.float64).view(3, 1, 1)) for rgb in ((0, 1, 0), (0, 0, 1)))
    return float(_hyab(green, blue) ** _COLOUR_POWER)


def _feature_difference(one: Tensor, other: Tensor, pixels_per_degree: float) -> Tensor:
    sigma = 0.5 * _FEATURE_WIDTH * pixels_per_degree
    reach = math.ceil(3 * sigma)
    x = torch.arange(-reach, reach + 1, dtype=torch.float64)
    smooth = torch.exp(-(x**2) / (2 * sigma**2))
    found = [
        [_magnitude(picture, smooth, detector) for detector in _detectors(x, smooth, sigma)] for picture in (one, other)
    ]
    edge, point = ((a - b).abs() for a, b in zip(*found, strict=True))
    return (torch.maximum(edge, point) / math.sqrt(2)).clamp(0, 1) ** _FEATURE_POWER


def _detectors(x: Tensor, smooth: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """First and second derivative of the Gaussian along one axis, positive and negative taps each adding up to one."""
    detectors = []
    for taps in (-x * smooth, (x**2 / sigma**2 - 1) * smooth):
        up, down = taps.clamp(min=0), taps.clamp(max=0)
        detectors.append(up / up.sum() - down / down.sum())
    return detectors[0], detectors[1]


def _magnitude(luminance: Tensor, smooth: Tensor, detector: Tensor) -> Tensor:
    across = smooth / smooth.sum()
    return torch.hypot(_filtered(luminance, detector, across), _filtered(luminance, across, detector))


def _filtered(channel: Tensor, along_x: Tensor, along_y: Tensor) -> Tensor:
    """(H, W) correlated with taps along each axis. As matrix products, as the blur of `structural`."""
    height, width = channel.shape
    return _band(height, tuple(along_y.tolist())) @ channel @ _band(width, tuple(along_x.tolist())).T


@functools.lru_cache(maxsize=64)
def _band(size: int, along: tuple[float, ...]) -> Tensor:
    """(size, size) matrix that correlates with taps; the taps beyond the border fall on the pixel at the border."""
    taps = torch.tensor(along, dtype=torch.float64)
    reach = len(taps) // 2
    place = (torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)).clamp(0, size - 1)
    return torch.zeros(size, size, dtype=torch.float64).scatter_add_(1, place, taps.expand(size, -1).contiguous())
