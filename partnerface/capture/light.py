"""The light on the face over time, and what covers the face: from the colours of its points.

Each point of the face has a usual colour in the clip. When most points grow brighter together, it is the light; when a
patch of them takes on another colour, something lies over it, be it a microphone or a hand with the skin's own colour.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.capture.pixels import LUMINANCE
from partnerface.head.points import INNER_LIPS, IRISES, LEFT_EYE, OVAL, RIGHT_EYE

#: Added to linear colours before the logarithm, so that noise in the dark does not count: 8-bit sRGB 13.
DARK = 0.004
#: Points on surfaces that turn away further than this (cosine) are not looked at: they lie in shade or at the edge.
TURNED_AWAY = 0.5
#: Points that lips, hair and background reach change without being covered; so do those near the eyes (lids, glasses).
UNSTEADY = {*OVAL, *INNER_LIPS, *IRISES}
NEAR_EYES_M = 0.020
#: Smoothing that parts drift from flicker, seconds.
DRIFT_S = 1.0
#: A point's colour is strange where it is off by so many of its own spreads and by so much (log, RMS over channels).
SPREADS, LEAST_CHANGE = 3.0, 0.2
#: Spread that a point has at least (log): shading changes that much with every expression.
LEAST_SPREAD = 0.06
#: Radius of the patches in which strange points are counted, metres on the face at rest: a mouth fits into one.
PATCH_M = 0.030
#: Patches of which fewer points are seen tell nothing.
LEAST_PATCH = 30
#: Share of a patch that has to be strange for a cover, and down to which it stays one. On clips of free faces with
#: the liveliest expressions the strangest patch stays below 0.4; a cheek-coloured patch over a mouth reaches 0.5.
COVERED, UNCOVERED = 0.45, 0.3
#: Points whose colour has been seen in fewer sampled frames than this tell nothing.
LEAST_SEEN = 8
#: The landmarks' confidence below which something is over the face: half a face covered brings it to 0.4, a hand over
#: all of it to 0.2; faces of eleven uncovered clips stay above 0.57, whatever they do.
UNSURE = 0.5


@dataclass(frozen=True)
class Light:
    """Light on the face in S sampled frames.

    Attributes:
        change: (S,) natural logarithm of the brightness relative to the clip's usual one.
        level: the skin's usual luminance, linear, 0 to 1.
        drift: share by which the light changes over the clip, slow changes alone.
        flicker: share by which it changes from one frame to the next, as a median.
    """

    change: np.ndarray
    level: float
    drift: float
    flicker: float


@dataclass(frozen=True)
class SteadyPoints:
    """The n points of the face whose colour tells something.

    Attributes:
        points: (n,) numbers of MediaPipe's points.
        near: (n, n) bool, which of them lie in one patch.
    """

    points: np.ndarray
    near: np.ndarray

    @classmethod
    def of_face(cls, rest: np.ndarray) -> "SteadyPoints":
        """From the points (478, 3) of a face at rest, metres."""
        eyes = rest[[*RIGHT_EYE, *LEFT_EYE]]
        away = np.linalg.norm(rest[:468, None] - eyes, axis=-1).min(1) > NEAR_EYES_M
        points = np.array([point for point in np.flatnonzero(away) if point not in UNSTEADY])
        places = rest[points]
        return cls(points, np.linalg.norm(places[:, None] - places, axis=-1) < PATCH_M)

    def seen(self, facing: np.ndarray) -> np.ndarray:
        """(S, n) bool: which are seen, from how squarely (S, 478) the surface faces the camera."""
        return facing[:, self.points] > TURNED_AWAY


def usual(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(n, ...) medians over the frames (S, n, ...) in which a point is seen; over all where that is too rarely."""
    mask = seen | (seen.sum(0) < min(LEAST_SEEN, len(seen)))
    shape = mask.shape + (1,) * (values.ndim - 2)
    return np.nanmedian(np.where(mask.reshape(shape), values, np.nan), axis=0)


def light(colours: np.ndarray, seen: np.ndarray, time_s: np.ndarray, frames: np.ndarray) -> Light:
    """Brightness over time.

    Args:
        colours: (S, n, 3) linear RGB of steady points.
        seen: (S, n) bool.
        time_s: (S,) seconds.
        frames: (S,) positions, to know neighbours.
    """
    luminance = np.log(colours.astype(np.float64) @ LUMINANCE + DARK)
    off = np.where(seen, luminance - usual(luminance, seen), np.nan)
    blind = ~seen.any(1)
    off[blind] = 0.0
    change = np.nanmedian(off, axis=1)
    slow = smoothed(change, time_s)
    neighbours = np.diff(frames) == 1
    steps = np.abs(np.diff(change))[neighbours]
    level = float(np.median(np.exp(usual(luminance, seen)) - DARK))
    flicker = float(np.expm1(np.median(steps))) if len(steps) else 0.0
    return Light(change, max(level, 0.0), float(np.expm1(slow.max() - slow.min())), flicker)


def smoothed(values: np.ndarray, time_s: np.ndarray, width_s: float = DRIFT_S) -> np.ndarray:
    """(S,) running medians over `width_s` seconds, at least over three values."""
    first = np.searchsorted(time_s, time_s - width_s / 2, "left")
    last = np.searchsorted(time_s, time_s + width_s / 2, "right")
    index = np.arange(len(values))
    first, last = np.minimum(first, np.maximum(index - 1, 0)), np.maximum(last, np.minimum(index + 2, len(values)))
    return np.array([np.median(values[a:b]) for a, b in zip(first, last, strict=True)])


def covered_share(colours: np.ndarray, seen: np.ndarray, change: np.ndarray, near: np.ndarray) -> np.ndarray:
    """(S,) share of strange points in the strangest patch of the face, light taken out.

    Args:
        colours, seen: as for `light`.
        change: (S,) `Light.change`.
        near: (n, n) bool, `SteadyPoints.near`.
    """
    values = np.log(colours.astype(np.float64) + DARK) - change[:, None, None]
    off = values - usual(values, seen)
    spread = np.maximum(1.4826 * usual(np.abs(off), seen), LEAST_SPREAD)
    size = np.sqrt((off**2).mean(-1))
    strange = (np.sqrt(((off / spread) ** 2).mean(-1)) > SPREADS) & (size > LEAST_CHANGE) & seen
    within = near.astype(np.float32)
    total = seen.astype(np.float32) @ within
    share = (strange.astype(np.float32) @ within) / np.maximum(total, 1)
    return np.where(total >= LEAST_PATCH, share, 0).max(1)


def covered(share: np.ndarray, confidence: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(S,) bool: frames in which something is over the face, with two thresholds on the share (S,)."""
    out = np.zeros(len(share), bool)
    for start, end in runs(share > UNCOVERED):
        out[start:end] = share[start:end].max() > COVERED
    return out | (found & (confidence < UNSURE))


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of True as (first, behind the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
