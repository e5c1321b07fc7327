"""Where the face is in each frame and how far its eyes and its mouth are open, in units of the face itself.

The unit is the distance of the outer eye corners as it would be seen from the front: neither speech nor a blink changes
it, and what a turn takes off is given back by the tracked depth.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.head.points import (
    CHIN,
    FOREHEAD,
    LEFT_EYE_OPENING,
    MOUTH_OPENING,
    OUTER_EYE_CORNERS,
    RIGHT_EYE_OPENING,
)

#: Turned heads show the eye corners nearer together than they are; the widest of the clip are the true ones.
FRONTAL = 0.9


@dataclass(frozen=True)
class FaceTrack:
    """A face over N frames.

    Attributes:
        time_s: (N,) seconds, growing.
        points: (N, 478, 2) px of the stored frames; where no landmarks were found, those of the fitted head.
        found: (N,) bool, whether landmarks were found.
        confidence: (N,) the landmark model's, 0 to 1.
        unit: (N,) px, see this module.
    """

    time_s: np.ndarray
    points: np.ndarray
    found: np.ndarray
    confidence: np.ndarray
    unit: np.ndarray

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def of_clip(
        cls,
        time_s: np.ndarray,
        points: np.ndarray | None,
        found: np.ndarray,
        confidence: np.ndarray,
        tracking: dict[str, np.ndarray],
    ) -> "FaceTrack":
        """From landmarks and tracking.

        Args:
            time_s: (N,) seconds.
            points: (N, 478, 2 or 3) found landmarks; None where they are of another scheme.
            found, confidence: (N,).
            tracking: the arrays of tracking.npz.
        """
        both = np.asarray(tracking["landmarks_px"], np.float64).copy()
        if points is not None:
            both[found] = points[found, :, :2]
        px_per_metre = np.asarray(tracking["focal"], np.float64) / np.asarray(tracking["translation"], np.float64)[:, 2]
        corners = distance(both, *OUTER_EYE_CORNERS) / px_per_metre
        unit = px_per_metre * np.quantile(corners, FRONTAL)
        return cls(np.asarray(time_s, float), both, np.asarray(found, bool), np.asarray(confidence, float), unit)

    def eye_opening(self) -> np.ndarray:
        """(N, 2) distance of the lids of the right and the left eye, in units."""
        eyes = [
            np.mean([distance(self.points, *pair) for pair in pairs], axis=0)
            for pairs in (RIGHT_EYE_OPENING, LEFT_EYE_OPENING)
        ]
        return np.stack(eyes, axis=1) / self.unit[:, None]

    def mouth_opening(self) -> np.ndarray:
        """(N,) distance of the inner lips, in units."""
        return np.mean([distance(self.points, *pair) for pair in MOUTH_OPENING], axis=0) / self.unit

    def height(self) -> np.ndarray:
        """(N,) px from the top of the forehead to the chin."""
        return distance(self.points, FOREHEAD, CHIN)


def distance(points: np.ndarray, a: int, b: int) -> np.ndarray:
    """(N,) distance of two points of (N, 478, 2)."""
    return np.linalg.norm(points[:, a] - points[:, b], axis=-1)
