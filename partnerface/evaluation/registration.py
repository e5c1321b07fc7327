"""How much of an error is a picture that lies a little beside its place: PSNR after the best shift of each frame.

A head that is tracked half a pixel wrong costs decibels that no better avatar could win. Each render is moved in the
picture, up to `MOST` px, to where it meets the true frame best (least mean squared error over the whole image, which is
what PSNR over the region `full` weighs), and PSNR is taken there. What it gains over `psnr` is an upper bound of what
the shift alone costs: interpolation also smooths a little. A turn or a change of size is not undone.
"""

import torch
import torch.nn.functional as N
from torch import Tensor

from partnerface.evaluation.pixel import Score, psnr

#: The farthest shift in x and in y, px.
MOST = 4.0
#: The windowed sinc has so many taps; the image is repeated beyond its border.
TAPS = 6
_STEPS, _SETTLED, _DIGITS = 20, 1e-3, 3


def psnr_shifted(truth: Tensor, image: Tensor) -> Score:
    """PSNR, as `psnr`, of the image shifted to where it meets the truth best over the whole image; never less there."""
    return psnr(truth, shifted(image, best_shift(truth, image)))


def best_shift(truth: Tensor, image: Tensor) -> tuple[float, float]:
    """The shift in x and y, px, of the image that brings it nearest to the truth in the mean squared error.

    The best whole pixel first, among those half as fine and then around it, then Gauss-Newton below the pixel (Lucas
    and Kanade 1981); a step that does not lower the error is halved.

    Args:
        truth, image: (3, H, W).
    """
    truth, image = truth.float(), image.float()
    best = _best_whole(truth, image)
    least, size = _error(truth, image, best), 1.0
    for _ in range(_STEPS):
        moved = shifted(image, best)
        # What a further shift to the right does to the picture is minus its slope.
        slopes = -torch.stack(torch.gradient(moved, dim=(2, 1))).flatten(1)
        matrix = slopes @ slopes.T / moved.numel()
        vector = slopes @ (truth - moved).flatten() / moved.numel()
        step = size * torch.linalg.lstsq(matrix + 1e-12 * torch.eye(2), vector[:, None]).solution[:, 0]
        step = step.clamp(-1.0, 1.0)
        there = tuple(min(max(place + float(move), -MOST), MOST) for place, move in zip(best, step, strict=True))
        error = _error(truth, image, (there[0], there[1]))
        if error < least:
            best, least = (there[0], there[1]), error
        else:
            size /= 2
        if float(step.abs().max()) < _SETTLED:
            break
    # Sums in float32 differ in their last bits from run to run, with where in memory they stand; tables must not.
    return round(best[0], _DIGITS), round(best[1], _DIGITS)


def shifted(image: Tensor, shift: tuple[float, float]) -> Tensor:
    """The image (C, H, W) moved by (x, y) px, to the right and down, by a Lanczos-windowed sinc of `TAPS` taps."""
    moved = image
    for dim, amount in ((2, shift[0]), (1, shift[1])):
        if amount:
            moved = _shift_along(moved, dim, amount)
    return moved


def _shift_along(image: Tensor, dim: int, amount: float) -> Tensor:
    whole = round(amount)
    reach = TAPS // 2
    # Where each pixel comes from, from the pixel `whole` before it: between -0.5 and 0.5.
    place = torch.arange(-reach, reach + 1, dtype=torch.float64) + (amount - whole)
    taps = torch.sinc(place) * torch.sinc(place / reach) * (place.abs() < reach)
    taps = (taps / taps.sum()).to(image)
    count = image.shape[dim]
    index = torch.arange(count)
    out = torch.zeros_like(image)
    for tap, offset in zip(taps, range(-reach, reach + 1), strict=True):
        if tap:
            out += tap * image.index_select(dim, (index - whole + offset).clamp(0, count - 1))
    return out


def _best_whole(truth: Tensor, image: Tensor) -> tuple[float, float]:
    if min(truth.shape[1:]) < 4:
        return 0.0, 0.0
    coarse = [N.avg_pool2d(array[None], 2)[0] for array in (truth, image)]
    reach = int(MOST) // 2
    rough = _least(coarse[0], coarse[1], [(x, y) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)])
    around = [(2 * rough[0] + x, 2 * rough[1] + y) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    inside = [(x, y) for x, y in around if max(abs(x), abs(y)) <= MOST]
    # The shift of nothing is always tried: the result is never worse than no shift.
    x, y = _least(truth, image, [(0, 0), *inside])
    return float(x), float(y)


def _least(truth: Tensor, image: Tensor, shifts: list[tuple[int, int]]) -> tuple[int, int]:
    return min(shifts, key=lambda shift: _error(truth, image, (float(shift[0]), float(shift[1]))))


def _error(truth: Tensor, image: Tensor, shift: tuple[float, float]) -> float:
    return float((shifted(image, shift) - truth).square().mean())
