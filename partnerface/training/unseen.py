"""The split `unseen-expression`: hold out stretches whose expressions lie farthest from the rest. Numpy only.

1. The clip is cut into overlapping candidate stretches of about a second.
2. A stretch's distance is the mean over its frames of a low quantile of the distances to all frames that are not held
   out and do not surround the stretch. The quantile, rather than the nearest frame, lets an expression that is made
   twice count as far from the rest: once the first is held out, the second is farther still, and follows.
3. The farthest stretch is held out, distances are taken anew, and so on until the wanted share is reached.
4. Guard: frames next to a held-out stretch in time, and frames that are nearer to a held-out frame than `twin_distance`
   are neither held out nor trained on, nearest first, up to `MAX_GUARD` of the clip. `twin_distance` is the median
   distance of frames a tenth of a second apart: a training frame that is as alike as that would be a copy. Where a
   face moves so fast that this says nothing, it is half the median distance of any two frames. Where the guard is
   full, twins stay in training; `Splits.novelty` says for each held-out frame how near its nearest training frame is.
"""

from dataclasses import dataclass

import numpy as np

STRETCH_S = 1.0
#: Frames around a candidate stretch that are not asked, and the guard band in time beside a whole stretch.
SURROUND_S, GUARD_S = 0.5, 0.2
TWIN_LAG_S = 0.1
QUANTILE = 0.05
MAX_GUARD = 0.2
#: Selection looks at no more frames than this, evenly spread; a longer clip's distances would not fit in memory.
MAX_LOOKED_AT = 2500


@dataclass(frozen=True)
class Unseen:
    """Held-out and guarded frames, (N,) bool each, and the distance below which frames are twins."""

    heldout: np.ndarray
    guard: np.ndarray
    twin_distance: float


def expression_features(*parameters: np.ndarray) -> np.ndarray:
    """(N, D) features in which Euclidean distance means difference of expression.

    The parameters (expression, jaw, eyelids), (N, .) each, are brought to unit spread one by one, then whitened along
    their principal axes. Axes of little variance are noise, and are lifted only in part: each is divided by
    sqrt(variance + 2 % of the largest).
    """
    columns = np.concatenate([np.asarray(value, np.float64).reshape(len(value), -1) for value in parameters], axis=1)
    columns = columns - columns.mean(0)
    spread = columns.std(0)
    columns = columns / np.where(spread > 1e-9, spread, np.inf)
    variance, axes = np.linalg.eigh(columns.T @ columns / max(len(columns), 1))
    largest = max(float(variance.max(initial=0.0)), 1e-12)
    return columns @ axes / np.sqrt(np.maximum(variance, 0) + 0.02 * largest)


def unseen_expression(time_s: np.ndarray, features: np.ndarray, share: float) -> Unseen:
    """Hold out about `share` of the frames.

    Args:
        time_s: (N,) seconds, growing.
        features: (N, D), see `expression_features`.
        share: between 0 and 1.
    """
    count = len(time_s)
    step = -(-count // MAX_LOOKED_AT)
    looked, times = features[::step], time_s[::step]
    distances = _distances(looked, looked)
    # Short clips get shorter stretches, so that there are at least two.
    length = min(STRETCH_S, share * float(time_s[-1] - time_s[0]) / 2)
    candidates = _candidates(times, length)
    wanted, chosen = share * len(times), np.zeros(len(times), bool)
    while candidates:
        scores = [_score(distances, times, chosen, candidate) for candidate in candidates]
        best = candidates[int(np.argmax(scores))]
        # The last stretch is taken when that brings the share nearer to what was asked.
        if chosen.sum() + len(best) - wanted > wanted - chosen.sum():
            break
        chosen[best] = True
        candidates = [candidate for candidate in candidates if not chosen[candidate].any()]
    heldout = _spread_out(chosen, times, time_s)
    twin = twin_distance(time_s, features)
    # Short stretches get a guard band that is shorter in the same measure.
    band = GUARD_S * min(1.0, length / STRETCH_S)
    return Unseen(heldout, _guard(time_s, features, heldout, twin, band), twin)


def twin_distance(time_s: np.ndarray, features: np.ndarray) -> float:
    """The distance (in the features' unit) below which two frames count as nearly the same."""
    if len(time_s) < 2:
        return 0.0
    lag = max(1, round(TWIN_LAG_S / max(float(np.median(np.diff(time_s))), 1e-6)))
    lag = min(lag, len(time_s) - 1)
    close_in_time = float(np.median(np.linalg.norm(features[lag:] - features[:-lag], axis=1)))
    some = features[:: -(-len(features) // MAX_LOOKED_AT)]
    any_two = _distances(some, some)[np.triu_indices(len(some), 1)]
    return min(close_in_time, 0.5 * float(np.median(any_two)) if len(any_two) else close_in_time)


def nearest_distance(features: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(N,) distance of each frame to the nearest frame of the mask `among`; 0 for those frames themselves."""
    parts = np.array_split(features, max(1, -(-len(features) // 512)))
    return np.concatenate([_distances(part, features[among]).min(1) for part in parts])


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(np.maximum(square, 0)).astype(np.float32)


def _candidates(times: np.ndarray, length: float) -> list[np.ndarray]:
    """Positions of stretches of `length` seconds that begin every quarter of it; those with large gaps are left out."""
    if length <= 0:
        return [np.array([index]) for index in range(len(times))]
    usual = length / max(float(np.median(np.diff(times))), 1e-6)
    starts = np.arange(times[0], times[-1], length / 4)
    stretches = [np.flatnonzero((times >= start - 1e-9) & (times < start + length - 1e-9)) for start in starts]
    return [stretch for stretch in stretches if len(stretch) >= max(1, 0.75 * int(usual))]


def _score(distances: np.ndarray, times: np.ndarray, chosen: np.ndarray, stretch: np.ndarray) -> float:
    first, last = times[stretch[0]], times[stretch[-1]]
    rest = ~chosen & ((times < first - SURROUND_S) | (times > last + SURROUND_S))
    if not rest.any():
        return 0.0
    return float(np.quantile(distances[np.ix_(stretch, np.flatnonzero(rest))], QUANTILE, axis=1).mean())


def _spread_out(chosen: np.ndarray, times: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """From the frames that were looked at to all frames: each takes the answer of the last one looked at before it."""
    return chosen[np.searchsorted(times, time_s, side="right") - 1]


def _guard(time_s: np.ndarray, features: np.ndarray, heldout: np.ndarray, twin: float, band: float) -> np.ndarray:
    guard = np.zeros(len(time_s), bool)
    others = np.flatnonzero(~heldout)
    if not heldout.any() or not len(others):
        return guard
    apart = np.abs(time_s[others][:, None] - time_s[heldout]).min(1)
    nearest = nearest_distance(features, heldout)[others]
    guard[others[apart <= band]] = True
    room = max(0, int(MAX_GUARD * len(time_s)) - int(guard.sum()))
    twins = np.flatnonzero((nearest < twin) & (apart > band))
    guard[others[twins[np.argsort(nearest[twins], kind="stable")[:room]]]] = True
    return guard
