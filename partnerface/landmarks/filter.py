"""Steadying of landmarks over time, by the frames' time stamps; a step of its own that can be undone.

Runs of frames are filtered each on its own: a frame without a face, or a gap in time, ends a run.

* `gaussian`: at each frame the straight line that fits its neighbours best under Gaussian weights in time (local linear
  regression: W. S. Cleveland, "Robust locally weighted regression", JASA 1979, without the robust part). No lag, and
  steady motion passes unchanged, at the ends of a run as well.
* `one-euro`: the low-pass that opens with speed of G. Casiez, N. Roussel, D. Vogel, "1€ Filter", CHI 2012. It looks
  back only, as a live driver has to.
"""

from dataclasses import replace

import numpy as np

from partnerface.landmarks.container import Landmarks

FILTERS = ("none", "gaussian", "one-euro")
#: Frames further apart than this are not filtered together, s.
LONGEST_GAP = 0.15
#: By how much the one-euro filter's cut-off rises, Hz, per face edge per second of speed.
SPEED_OPENS = 20.0
#: Cut-off of the one-euro filter's speed, Hz, as in the paper.
SPEED_CUTOFF = 1.0
#: The Gaussian is cut here, in widths.
_REACH = 3.0


def filtered(landmarks: Landmarks, time_s: np.ndarray, kind: str, width: float) -> Landmarks:
    """Landmarks with their points steadied; the rest stays.

    Args:
        landmarks: as detected.
        time_s: (N,) the frames' times, rising.
        kind: a name of `FILTERS`.
        width: s: the Gaussian's standard deviation; for one-euro the time constant at rest, so that its least cut-off
            is 1 / (2 pi width).
    """
    if kind == "none" or width <= 0:
        return landmarks
    points = landmarks.points.astype(np.float64)
    for run in runs(landmarks.found, time_s):
        smooth = _gaussian if kind == "gaussian" else _one_euro
        points[run] = smooth(points[run], np.asarray(time_s, float)[run], width)
    return replace(landmarks, points=points.astype(np.float32))


def runs(found: np.ndarray, time_s: np.ndarray) -> list[slice]:
    """The longest stretches of frames that are found and no more than `LONGEST_GAP` apart."""
    out, start = [], None
    for index, good in enumerate(found):
        if start is not None and (not good or time_s[index] - time_s[index - 1] > LONGEST_GAP):
            out.append(slice(start, index))
            start = None
        if good and start is None:
            start = index
    return out if start is None else [*out, slice(start, len(found))]


def _gaussian(points: np.ndarray, time_s: np.ndarray, width: float) -> np.ndarray:
    out = points.copy()
    first = np.searchsorted(time_s, time_s - _REACH * width, "left")
    last = np.searchsorted(time_s, time_s + _REACH * width, "right")
    for index, (low, high) in enumerate(zip(first, last, strict=True)):
        away = time_s[low:high] - time_s[index]
        weight = np.exp(-0.5 * (away / width) ** 2)
        s0, s1, s2 = weight.sum(), weight @ away, weight @ away**2
        spread = s0 * s2 - s1 * s1
        if spread > 1e-9 * s0 * s0 * width**2:
            out[index] = np.tensordot(weight * (s2 - s1 * away) / spread, points[low:high], 1)
    return out


def _one_euro(points: np.ndarray, time_s: np.ndarray, width: float) -> np.ndarray:
    out, speed = points.copy(), np.zeros_like(points[0])
    edge = float(np.median(np.ptp(points[..., :2], axis=1).max(-1)))
    least = 1 / (2 * np.pi * width)
    for index in range(1, len(points)):
        step = time_s[index] - time_s[index - 1]
        if step <= 0:
            continue
        # The speed of a point, all its coordinates together, so that the filter turns with the picture.
        speed += _share(SPEED_CUTOFF, step) * ((points[index] - points[index - 1]) / step - speed)
        cutoff = least + SPEED_OPENS * np.linalg.norm(speed, axis=-1, keepdims=True) / max(edge, 1e-9)
        out[index] = out[index - 1] + _share(cutoff, step) * (points[index] - out[index - 1])
    return out


def _share(cutoff, step: float):
    """How much of a new value an exponential filter of this cut-off, Hz, takes after `step` s."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))
