"""The motion that a clip is expected to make, so that smoothing takes the tremble out and leaves the motion."""

import torch
from torch import Tensor

#: Standard deviation of the window over time, frames of 1/30 s, and its half-width.
WINDOW, HALF = 2.0, 5


def expected_change(change: Tensor, gap: Tensor, scale: Tensor) -> Tensor:
    """Changes from frame to frame without their tremble: a bilateral filter along time.

    Each change is averaged with its neighbours, near ones more, and those that differ by much more than `scale` hardly:
    a steady turn keeps its speed, and a blink doesn't leak into the frames around it.

    Args:
        change: (T - 1, P).
        gap: (T - 1,) time to the next frame in frames of 1/30 s, infinite across a cut.
        scale: (P,) size of the tremble in one frame of 1/30 s.

    Returns:
        (T - 1, P), zero across cuts.
    """
    count = len(gap)
    if count == 0:
        return change
    connected = torch.isfinite(gap)
    rate = torch.where(connected[:, None], change / gap[:, None], 0.0)
    # Cuts part the clip; nothing is averaged across them.
    stretch = torch.cumsum(~connected, 0)
    total, weight = torch.zeros_like(rate), torch.zeros_like(rate)
    for shift in range(-min(HALF, count - 1), min(HALF, count - 1) + 1):
        here = slice(max(0, -shift), count - max(0, shift))
        there = slice(max(0, shift), count - max(0, -shift))
        alike = connected[here] & connected[there] & (stretch[here] == stretch[there])
        near = torch.exp(torch.tensor(-0.5 * (shift / WINDOW) ** 2, dtype=rate.dtype)) * alike
        share = near[:, None] / (1 + ((rate[there] - rate[here]) / scale) ** 2)
        total[here] += share * rate[there]
        weight[here] += share
    return torch.where(connected[:, None], total / weight.clamp(min=1e-12) * gap[:, None], 0.0)
