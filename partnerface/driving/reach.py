"""How far an avatar can be driven: what it saw in training, and a soft limit a little beyond."""

from dataclasses import dataclass

import numpy as np

from partnerface.conventions import MOTION_NAMES
from partnerface.driving import BEYOND
from partnerface.driving.neutral import Arrays

#: What it saw counts as at least so wide: a person who never moved can still be moved a little. Units as in `transfer`.
LEAST = {
    "expression": 0.6,
    "global_orient": 0.1,
    "neck_pose": 0.2,
    "jaw_pose": 0.1,
    "eye_pose": 0.2,
    "eyelids": 0.4,
    "translation": 0.06,
}
#: A frame counts as limited when something in it loses more than this share of what was seen.
NOTICEABLE = 0.25


@dataclass(frozen=True)
class Reach:
    """What an avatar saw, relative to its neutral: `low` <= 0 and `high` >= 0 by MOTION_NAMES, (.,) each."""

    low: Arrays
    high: Arrays

    @classmethod
    def of(cls, relative: Arrays) -> "Reach":
        """From the relative motion of the training frames."""
        return cls(
            {name: np.minimum(value.min(0), 0.0) for name, value in relative.items()},
            {name: np.maximum(value.max(0), 0.0) for name, value in relative.items()},
        )

    def limited(self, relative: Arrays, beyond: float = BEYOND) -> Arrays:
        """What was seen passes unchanged; what lies beyond is drawn towards a limit, without a kink.

        With m = beyond * width, x beyond the end b becomes b + m tanh((x - b) / m).
        """
        out = {}
        for name in MOTION_NAMES:
            low, high = self.low[name], self.high[name]
            margin = beyond * self._width(name)
            out[name] = relative[name] + _bend(relative[name] - high, margin) - _bend(low - relative[name], margin)
        return out

    def lost(self, relative: Arrays, limited: Arrays) -> tuple[float, list[str]]:
        """The share of the frames in which something noticeable was taken away, and the names of it, most first."""
        taken = {
            name: (np.abs(relative[name] - limited[name]) / self._width(name)).max(1, initial=0.0)
            for name in MOTION_NAMES
        }
        share = {name: float((value > NOTICEABLE).mean()) for name, value in taken.items()}
        any_of = np.max(list(taken.values()), axis=0) > NOTICEABLE
        return float(any_of.mean()), sorted((n for n in share if share[n] > 0), key=lambda n: -share[n])

    def _width(self, name: str) -> np.ndarray:
        return np.maximum(self.high[name] - self.low[name], LEAST[name])


def _bend(excess: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """What is added to a value that lies `excess` beyond an end; 0 for those within."""
    excess = np.maximum(excess, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(margin > 0, margin * np.tanh(excess / margin), 0.0)
    return kept - excess
