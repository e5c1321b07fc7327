"""Blinks from the opening of the eyes: counted by time, not by frames, with two thresholds.

An eye counts by its opening relative to how open it usually is around that time, so that looking down, squinting and a
narrow eye are no blinks. Both eyes have to close: a wink is none either. A closure begins where the opening falls below
`CLOSED` and ends where most of what was lost is regained; its length is taken between the crossings of `HALF`,
interpolated between frames, so that it depends little on the frame rate.
"""

from dataclasses import dataclass

import numpy as np

#: Shares of the usual opening. Blinks of the clips that this was set on fall below 0.6, glances down stay above 0.7.
CLOSED, HALF = 0.65, 0.7
#: A closure is over when this share of what the eye lost is regained (two blinks in a row often leave it ajar between),
#: and the next one has to fall by so much from where the eye was in the meantime.
REGAINED, FALL = 0.6, 0.2
#: How open an eye usually is: this quantile over so many seconds to either side, at least a share of the clip's.
USUAL_QUANTILE, USUAL_S, LEAST_USUAL = 0.8, 2.0, 0.6
#: Blinks last 0.1 to 0.4 s (Caffier et al. 2003); what takes longer is an eye kept shut, or a squint if it stays ajar.
LONGEST_BLINK_S = 0.7
SHUT = 0.4
#: A longer pause between frames (dropped ones) ends what came before it.
GAP_S = 0.45


@dataclass(frozen=True)
class Closure:
    """Both eyes closed for a while: from, to (seconds), and whether it is short enough to be a blink."""

    start_s: float
    end_s: float
    blink: bool

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end_s - self.start_s


def relative_opening(opening: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(N,) opening of the eye that is wider open, as a share of the usual.

    Args:
        opening: (N, 2) of each eye, any unit.
        time_s: (N,) seconds.
    """
    least = LEAST_USUAL * np.quantile(opening, USUAL_QUANTILE, axis=0)
    first = np.searchsorted(time_s, time_s - USUAL_S, "left")
    last = np.searchsorted(time_s, time_s + USUAL_S, "right")
    usual = np.stack([np.quantile(opening[a:b], USUAL_QUANTILE, axis=0) for a, b in zip(first, last, strict=True)])
    return (opening / np.maximum(np.maximum(usual, least), 1e-9)).max(1)


def closures(relative: np.ndarray, time_s: np.ndarray) -> list[Closure]:
    """Blinks and longer closures in the relative opening (N,) over time (N,)."""
    edges = np.flatnonzero(np.diff(time_s) > GAP_S) + 1
    found = []
    for part in np.split(np.arange(len(time_s)), edges):
        found += _in_one_piece(relative[part], time_s[part])
    return found


def _in_one_piece(relative: np.ndarray, time_s: np.ndarray) -> list[Closure]:
    found, first, low, high = [], None, 1.0, np.inf
    for index, value in enumerate(relative):
        if first is None:
            high = max(high, value)
            if value < min(CLOSED, high - FALL):
                first, low = index, value
        else:
            low = min(low, value)
        if first is None:
            continue
        ended = value > low + REGAINED * (1 - low)
        if ended or index == len(relative) - 1:
            closure = _closure(relative, time_s, first, index - 1 if ended else index)
            if closure is not None:
                found.append(closure)
            first, high = None, value
    return found


def _closure(relative: np.ndarray, time_s: np.ndarray, first: int, last: int) -> Closure | None:
    """The closure within frames first to last; None for a long one that never shuts the eye."""
    below = np.flatnonzero(relative[first : last + 1] < HALF) + first
    start = _crossing(relative, time_s, below[0], -1)
    end = _crossing(relative, time_s, below[-1], +1)
    blink = end - start <= LONGEST_BLINK_S
    if not blink and relative[first : last + 1].min() > SHUT:
        return None
    return Closure(start, end, blink)


def _crossing(relative: np.ndarray, time_s: np.ndarray, index: int, step: int) -> float:
    """When the opening crosses HALF between a frame below it and its neighbour above."""
    other = index + step
    if not 0 <= other < len(relative):
        return float(time_s[index])
    a, b = relative[index], relative[other]
    share = (HALF - a) / (b - a) if b > a else 0.0
    return float(time_s[index] + min(max(share, 0.0), 1.0) * (time_s[other] - time_s[index]))
