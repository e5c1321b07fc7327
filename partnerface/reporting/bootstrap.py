"""How sure a mean over frames is: intervals by resampling stretches of frames.

Neighbouring frames of a clip resemble each other, and their errors do: drawing single frames would pretend that there
are more of them than there are. So whole blocks of neighbours are drawn (H. Künsch, "The jackknife and the bootstrap
for general stationary observations", Annals of Statistics 17, 1989), with the last frame followed by the first so that
every frame is drawn equally often (D. Politis, J. Romano, "A circular block-resampling procedure for stationary data",
1992). An interval spans the middle 95 % of the resampled means.

The draws hang on nothing but the number of frames and the block's length: the same runs give the same digits, and all
methods are judged on the same draws.
"""

import functools
from typing import NamedTuple

import numpy as np

SAMPLES = 2000
SEED = 0
LEVEL = 0.95
#: Half a second: on a real clip the errors of frames that lie so far apart are little correlated (median 0.1 to 0.2).
BLOCK_S = 0.5
#: A split of few frames still has so many blocks.
LEAST_BLOCKS = 4


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


def block_length(frames: np.ndarray, source_fps: float) -> int:
    """Measured frames in half a second.

    Args:
        frames: (n,) numbers of the measured source frames, ascending; of a sparse sample few lie in a block.
        source_fps: frames of the source per second.
    """
    if len(frames) < 2:
        return 1
    spacing = float(np.median(np.diff(frames)))
    most = max(1, len(frames) // LEAST_BLOCKS)
    return int(np.clip(round(BLOCK_S * source_fps / spacing), 1, most))


@functools.lru_cache(maxsize=32)
def _starts(count: int, blocks: int, stream: int) -> np.ndarray:
    """(SAMPLES, blocks): where the drawn blocks begin."""
    return np.random.default_rng((SEED, count, blocks, stream)).integers(0, count, (SAMPLES, blocks))


def _resampled_sums(values: np.ndarray, length: int, stream: int) -> np.ndarray:
    """(SAMPLES,) sums of as many values as there are, drawn in blocks; the last block of a sample is cut to fit."""
    count = len(values)
    blocks = -(-count // length)
    rest = count - (blocks - 1) * length
    starts = _starts(count, blocks, stream)

    def sums(size: int) -> np.ndarray:
        """The sum of the block of a size that begins at each value."""
        around = np.concatenate([values, values[: size - 1]])
        return np.lib.stride_tricks.sliding_window_view(around, size).sum(-1)

    return sums(length)[starts[:, :-1]].sum(-1) + sums(rest)[starts[:, -1]]


def resampled_means(values: np.ndarray, length: int, stream: int = 0) -> np.ndarray:
    """(SAMPLES,) means over the drawn frames, averaged over the seeds, which all see the same draw.

    Args:
        values: (seeds, n), one column per frame in the order of time; NaN where a seed has no value.
        length: frames in a block.
        stream: another number, other draws.
    """
    means = []
    for row in np.atleast_2d(np.asarray(values, np.float64)):
        present = np.isfinite(row)
        if present.all():
            means.append(_resampled_sums(row, length, stream) / len(row))
        else:
            total = _resampled_sums(np.where(present, row, 0.0), length, stream)
            drawn = _resampled_sums(present.astype(np.float64), length, stream)
            means.append(np.divide(total, drawn, out=np.full(SAMPLES, np.nan), where=drawn > 0))
    return np.mean(means, axis=0)


def interval(means: np.ndarray) -> Interval:
    """The interval of resampled means; of a few frames that a seed lacks, draws without any are passed over."""
    means = means[np.isfinite(means)]
    if not len(means):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))
