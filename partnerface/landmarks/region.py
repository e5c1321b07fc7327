"""The turned square around a face from which landmarks are read, and its steadying over time."""

import math
from dataclasses import dataclass

import numpy as np

from partnerface.head.points import OUTER_EYE_CORNERS

#: The square's edge in extents of the landmarks, as the landmark model was trained.
ENLARGE = 1.5
#: Neighbouring squares that lie further apart than this share of their edge belong to another movement.
SAME_PLACE = 0.1


@dataclass(frozen=True)
class Region:
    """A square in a picture: centre x, y and edge in px, turned by `angle` radians (clockwise as seen, y down)."""

    x: float
    y: float
    size: float
    angle: float

    @classmethod
    def of_box(cls, box: np.ndarray) -> "Region":
        """An upright square around a detector's box x0, y0, x1, y1 (brows to chin)."""
        edge = max(box[2] - box[0], box[3] - box[1])
        # The landmarks reach a little higher than the box, which begins at the brows.
        return cls(float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2 - 0.05 * edge, float(edge) * ENLARGE, 0.0)

    @classmethod
    def of_points(cls, points: np.ndarray) -> "Region":
        """The square around landmarks (478, 2 or 3), px."""
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        right, left = OUTER_EYE_CORNERS  # the line through them turns the square
        across = points[left, :2] - points[right, :2]
        middle = (low + high) / 2
        angle = math.atan2(float(across[1]), float(across[0]))
        return cls(float(middle[0]), float(middle[1]), float((high - low).max()) * ENLARGE, angle)

    def moved(self, right: float, down: float, scale: float, turn: float) -> "Region":
        """A square shifted by shares of its edge, scaled, and turned by radians."""
        x, y = self.x + right * self.size, self.y + down * self.size
        return Region(x, y, self.size * scale, self.angle + turn)

    def matrix(self, pixels: int) -> np.ndarray:
        """(2, 3): a point u, v of the square's own `pixels` x `pixels` image to x, y of the picture.

        Both sides count from the corner of the first pixel, so pixel centres lie at +0.5 on both.
        """
        cos, sin, scale = math.cos(self.angle), math.sin(self.angle), self.size / pixels
        turn = np.array([[cos, -sin], [sin, cos]]) * scale
        return np.hstack([turn, (np.array([self.x, self.y]) - turn @ [pixels / 2, pixels / 2])[:, None]])


def steady(regions: list[Region | None], sigma: float) -> list[Region | None]:
    """Smooth a sequence of squares over time without lag and without smearing jumps.

    The landmark model's answer shifts by about a pixel with the square that it is shown, so squares that tremble make
    landmarks that tremble. Weights are a Gaussian in time times a Gaussian in distance (a bilateral filter).

    Args:
        regions: one per frame, None where there is no face.
        sigma: width of the filter in frames; 0 leaves everything as it is.
    """
    if sigma <= 0:
        return list(regions)
    reach = math.ceil(3 * sigma)
    out: list[Region | None] = []
    for index, region in enumerate(regions):
        if region is None:
            out.append(None)
            continue
        total, values = 0.0, np.zeros(4)
        for other in range(max(0, index - reach), min(len(regions), index + reach + 1)):
            near = regions[other]
            if near is None:
                continue
            distance = math.hypot(near.x - region.x, near.y - region.y) + abs(near.size - region.size)
            turn = math.remainder(near.angle - region.angle, 2 * math.pi)
            weight = math.exp(
                -0.5 * ((other - index) / sigma) ** 2 - 0.5 * (distance / (SAME_PLACE * region.size)) ** 2
            )
            values += weight * np.array([near.x, near.y, near.size, region.angle + turn])
            total += weight
        out.append(Region(*(float(value) for value in values / total)))
    return out
