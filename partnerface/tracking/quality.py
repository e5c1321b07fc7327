"""How well a clip is tracked: measures on arrays, each of which a better fit cannot but improve.

Fitted landmarks (`tracking["landmarks_px"]`) are held against those that were found. What the measures mean, and what
they don't see, stands in docs/tracking.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.head import points as marks
from partnerface.head.blinks import closures, relative_opening
from partnerface.tracking import scheme
from partnerface.tracking.curves import CURVES, LOW_PASS_S, curves, low_pass, pieces, unit_px
from partnerface.tracking.fit import Tracking
from partnerface.tracking.halves import halves

#: A blink of the fit is the same as one of the landmarks if it is so many frames away.
SAME_BLINK = 2
#: The head rests while its place in the picture and each of `CURVES` change by less than so many units of the face per
#: second (some 2 cm/s), as seen through a low-pass that is quick enough for speech and blinks, for so many frames.
#: A clip that doesn't rest for that many frames together is taken where it moves a little faster.
REST_SPEEDS, REST_TOGETHER, REST_LOW_PASS_S, REST_FRAMES = (0.2, 0.3), 40, 0.04, 8
#: Frames further apart in time (dropped ones, cuts) don't follow one another.
GAP_S = 0.15

_GROUPS = {
    "lips": tuple(sorted({*marks.OUTER_LIPS, *marks.INNER_LIPS})),
    "lids": (*marks.RIGHT_EYE, *marks.LEFT_EYE),
    "brows": marks.BROWS,
    "irises": marks.IRISES,
    "outline": marks.OVAL,
}


def groups() -> dict[str, np.ndarray]:
    """Indices of the landmarks of each part of the face; `skin` is the rest."""
    named = {name: np.unique(points) for name, points in _GROUPS.items()}
    return {**named, "skin": np.setdiff1d(np.arange(marks.COUNT), np.concatenate(list(named.values())))}


def error_percent(fitted: np.ndarray, points: np.ndarray, found: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """(L,) mean over the frames with landmarks of each one's distance from where it was found, in percent of the unit.

    Args:
        fitted, points: (N, L, 2 or 3) px.
        found: (N,) bool.
        unit: (N,) px, see `unit_px`.
    """
    off = np.linalg.norm(fitted[found][..., :2] - points[found][..., :2], axis=-1)
    return 100 * (off / unit[found, None]).mean(0)


def held_out(fit: Callable[[np.ndarray], Tracking], points: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Errors of landmarks that the fit has not seen: it sees one half and is tried on the other, and the reverse.

    Args:
        fit: of weights (478,), zeros for what must not be seen; such as `fit_clip` with all else given.
        points: (N, 478, 2 or 3) px.
        found: (N,) bool.

    Returns:
        `seen_percent`, `unseen_percent` of the unit, means over frames and points; `unseen_by_part` for each of
        `groups`.
    """
    seen, unseen = np.zeros(marks.COUNT), np.zeros(marks.COUNT)
    for half in (halves(), ~halves()):
        tracking = fit(half.astype(float))
        arrays = tracking.arrays()
        error = error_percent(arrays["landmarks_px"], points, found, unit_px(tracking.model, arrays))
        seen[half], unseen[~half] = error[half], error[~half]
    return {
        "seen_percent": float(seen.mean()),
        "unseen_percent": float(unseen.mean()),
        "unseen_by_part": {name: float(unseen[index].mean()) for name, index in groups().items()},
    }


def blink_frames(points: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Indices of the frames in the middle of each blink (see `partnerface.head.blinks`).

    The middle lies between the crossings of a threshold on both flanks: a shut eye's opening is flat, so that where it
    is least is for noise to say.

    Args:
        points: (N, 478, 2 or 3) px.
        time_s: (N,) growing.
    """
    found = closures(relative_opening(scheme.eye_openness(points), time_s), time_s)
    middles = [(closure.start_s + closure.end_s) / 2 for closure in found if closure.blink]
    return np.abs(np.asarray(time_s) - np.array(middles).reshape(-1, 1)).argmin(1) if middles else np.zeros(0, int)


@dataclass(frozen=True)
class Matched:
    """Events of a reference found again: how many there are, how many were found, how many of those were none."""

    reference: int
    fitted: int
    common: int

    def as_dict(self) -> dict[str, Any]:
        """With `recall` and `precision`, None where there was nothing to find."""
        return {
            "reference": self.reference,
            "fitted": self.fitted,
            "recall": self.common / self.reference if self.reference else None,
            "precision": self.common / self.fitted if self.fitted else None,
        }


def match(reference: np.ndarray, fitted: np.ndarray, within: int = SAME_BLINK) -> Matched:
    """The most pairs of events no more than `within` apart, each event in one pair at most.

    Args:
        reference, fitted: sorted frame numbers.
        within: frames.
    """
    common = at = 0
    # The earliest that is still free leaves the most to the events that follow.
    for event in reference:
        while at < len(fitted) and fitted[at] < event - within:
            at += 1
        if at < len(fitted) and fitted[at] <= event + within:
            common, at = common + 1, at + 1
    return Matched(len(reference), len(fitted), common)


def blink_report(fitted: np.ndarray, points: np.ndarray, found: np.ndarray, time_s: np.ndarray) -> dict[str, Any]:
    """Blinks of fitted landmarks (N, 478, ...) against those of the found ones, in the frames (N,) that have some."""
    events = [blink_frames(array[found], time_s[found]) for array in (points, fitted)]
    return match(events[0], events[1]).as_dict()


def rests(points: np.ndarray, found: np.ndarray, time_s: np.ndarray, unit: np.ndarray) -> list[np.ndarray]:
    """Stretches of frames, as indices, in which found landmarks (N, 478, 2 or 3) move slowly; see REST_SPEEDS."""
    speeds = []
    for part in pieces(found, time_s, GAP_S):
        if len(part) >= REST_FRAMES:
            smooth = low_pass(_motion(points[part], unit[part]), time_s[part], REST_LOW_PASS_S)
            speeds.append((part, np.abs(np.gradient(smooth, time_s[part], axis=0)).max(1)))
    out: list[np.ndarray] = []
    for limit in REST_SPEEDS:
        out = [run for part, speed in speeds for run in _runs(part, speed < limit) if len(run) >= REST_FRAMES]
        if sum(map(len, out)) >= REST_TOGETHER:
            break
    return out


def _runs(index: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """The parts of `index` (n,) that lie together and are `wanted` (n,) bool."""
    parts = np.split(np.arange(len(index)), np.flatnonzero(np.diff(wanted.astype(int))) + 1)
    return [index[part] for part in parts if wanted[part[0]]]


def _motion(points: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """(N, 9) what a head that rests does not change, in units of the face: means over many landmarks, so that their
    trembling hardly counts."""
    known = curves(points, unit)
    # Of an eye's height over its width, and of radians: by how much they move lids and the sides of the face.
    known["eye_opening"], known["roll"] = scheme.EYE_WIDTH * known["eye_opening"], known["roll"] / 2
    return np.column_stack([*known.values(), points[..., :2].mean(1) / unit.mean()])


def jitter(points: np.ndarray, stretches: list[np.ndarray], unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square length of the second difference over time, p[t-1] - 2 p[t] + p[t+1], of each landmark.

    Noise that is independent from frame to frame, of standard deviation s in x and y, gives sqrt(12) s.

    Args:
        points: (N, L, 2 or 3) px.
        stretches: indices of frames that follow one another.
        unit: (N,) px.

    Returns:
        (L,) px and (L,) percent of the unit; NaN without a stretch.
    """
    pixels, relative = [], []
    for part in stretches:
        flat = np.asarray(points[part][..., :2], np.float64)
        squared = ((flat[:-2] - 2 * flat[1:-1] + flat[2:]) ** 2).sum(-1)
        pixels.append(squared)
        relative.append(squared / unit[part[1:-1], None] ** 2)
    if not pixels:
        nothing = np.full(points.shape[1], np.nan)
        return nothing, nothing
    return np.sqrt(np.concatenate(pixels).mean(0)), 100 * np.sqrt(np.concatenate(relative).mean(0))


def jitter_report(
    fitted: np.ndarray, points: np.ndarray, found: np.ndarray, time_s: np.ndarray, unit: np.ndarray
) -> dict[str, Any]:
    """Jitter of fitted and found landmarks (N, 478, ...) where the head rests: `fit_px`, `landmarks_px`, the same in
    percent of the unit, the `ratio` fit / landmarks, overall and `ratio_by_part`; None where the head never rests."""
    still = rests(points, found, time_s, unit)
    both = [jitter(array, still, unit) for array in (fitted, points)]

    def rms(values: np.ndarray, index: np.ndarray | slice = slice(None)) -> float | None:
        mean = float(np.sqrt((values[index] ** 2).mean()))
        return mean if np.isfinite(mean) else None

    def ratio(index: np.ndarray | slice = slice(None)) -> float | None:
        fit, found = (rms(relative, index) for _, relative in both)
        return None if fit is None or not found else fit / found

    return {
        "stretches": len(still),
        "frames": int(sum(map(len, still))),
        "fit_px": rms(both[0][0]),
        "landmarks_px": rms(both[1][0]),
        "fit_percent": rms(both[0][1]),
        "landmarks_percent": rms(both[1][1]),
        "ratio": ratio(),
        "ratio_by_part": {name: ratio(index) for name, index in groups().items()},
    }


def amplitudes(
    fitted: np.ndarray, points: np.ndarray, found: np.ndarray, time_s: np.ndarray, unit: np.ndarray
) -> dict[str, dict[str, float | None]]:
    """Of each of `CURVES`, low-passed: its standard deviation over the clip in fitted and in found landmarks, the
    `ratio` of the two (1 where no motion is lost), and their `correlation`; None where nothing moves."""
    both: list[dict[str, list[np.ndarray]]] = [{name: [] for name in CURVES} for _ in range(2)]
    for part in pieces(found, time_s, GAP_S):
        for kept, array in zip(both, (fitted, points), strict=True):
            for name, values in curves(array[part], unit[part]).items():
                kept[name].append(low_pass(values, time_s[part], LOW_PASS_S))
    out = {}
    for name in CURVES:
        fit, reference = (np.concatenate(kept[name]) for kept in both)
        moves = reference.std() > 1e-9
        out[name] = {
            "fit": float(fit.std()),
            "landmarks": float(reference.std()),
            "ratio": float(fit.std() / reference.std()) if moves else None,
            "correlation": correlation(fit, reference),
        }
    return out


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson's, of two curves (N,); None where one of them is constant."""
    if min(a.std(), b.std()) < 1e-9:
        return None
    return float(np.corrcoef(a, b)[0, 1])
