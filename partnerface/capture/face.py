"""Where the face is in each frame and how far its eyes and its mouth are open, in units of the face itself.

The unit is the distance of the outer eye corners as it would be seen from the front: neither speech nor a blink changes
it, and what a turn takes off is given back by the tracked depth. Indices are those of the MediaPipe face mesh.
"""

from dataclasses import dataclass

import numpy as np

EYE_CORNERS = (33, 263)
#: Upper and lower lid, three pairs on each eye: the subject's right one, then the left one.
LIDS = (((159, 145), (158, 153), (160, 144)), ((386, 374), (385, 380), (387, 373)))
#: Upper and lower inner lip, three pairs.
INNER_LIP_PAIRS = ((13, 14), (82, 87), (312, 317))
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
BROWS = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
IRISES = tuple(range(468, 478))
FOREHEAD, CHIN = 10, 152
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
        px_per_metre = float(tracking["focal"]) / np.asarray(tracking["translation"], np.float64)[:, 2]
        corners = distance(both, *EYE_CORNERS) / px_per_metre
        unit = px_per_metre * np.quantile(corners, FRONTAL)
        return cls(np.asarray(time_s, float), both, np.asarray(found, bool), np.asarray(confidence, float), unit)

    def eye_opening(self) -> np.ndarray:
        """(N, 2) distance of the lids of the right and the left eye, in units."""
        eyes = [np.mean([distance(self.points, *pair) for pair in pairs], axis=0) for pairs in LIDS]
        return np.stack(eyes, axis=1) / self.unit[:, None]

    def mouth_opening(self) -> np.ndarray:
        """(N,) distance of the inner lips, in units."""
        return np.mean([distance(self.points, *pair) for pair in INNER_LIP_PAIRS], axis=0) / self.unit

    def height(self) -> np.ndarray:
        """(N,) px from the top of the forehead to the chin."""
        return distance(self.points, FOREHEAD, CHIN)


def distance(points: np.ndarray, a: int, b: int) -> np.ndarray:
    """(N,) distance of two points of (N, 478, 2)."""
    return np.linalg.norm(points[:, a] - points[:, b], axis=-1)
