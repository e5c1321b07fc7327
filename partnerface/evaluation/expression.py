"""Driven-expression error: whether lips, lids and brows of a render stand where those of the true frame do.

The same detector reads the true frame and the render, both from the square around the true landmarks, so that equal
pictures score 0 and what the detector gets wrong on both cancels. Who detects is no business of this module; the
numbers of the points are those of MediaPipe's 478. Also known as average keypoint distance.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.head.points import BROWS, INNER_LIPS, LEFT_EYE, OUTER_EYE_CORNERS, OUTER_LIPS, RIGHT_EYE

LIPS, LIDS = (*OUTER_LIPS, *INNER_LIPS), (*RIGHT_EYE, *LEFT_EYE)
#: Region → the points that are compared in it.
POINTS = {"face": (*LIPS, *LIDS, *BROWS), "mouth": LIPS, "eyes": LIDS}


@dataclass(frozen=True)
class Readings:
    """What a detector read from the rendered frames and from their true ones.

    Attributes:
        truth, rendered: (M, 478, 2) px; NaN where it found no face, or was not asked.
        detector: its name and version, and how it was used.
    """

    truth: np.ndarray
    rendered: np.ndarray
    detector: str

    def errors(self, index: int) -> dict[str, float]:
        """Region → error of one rendered frame; NaN where either picture shows no face."""
        return landmark_error(self.truth[index], self.rendered[index])

    def lost(self) -> np.ndarray:
        """(M,) bool: the true frame shows a face, and the render none."""
        return np.isfinite(self.truth).all((1, 2)) & ~np.isfinite(self.rendered).all((1, 2))


def landmark_error(truth: np.ndarray, rendered: np.ndarray) -> dict[str, float]:
    """Region → mean distance of its points, in % of the true distance of the outer eye corners.

    Args:
        truth, rendered: (478, 2) px.
    """
    right, left = OUTER_EYE_CORNERS
    unit = np.linalg.norm(truth[left] - truth[right])
    distance = 100 * np.linalg.norm(rendered - truth, axis=-1) / unit
    return {region: float(distance[list(points)].mean()) for region, points in POINTS.items()}
