"""What a detector of points answers to a square of a picture."""

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Protocol

import numpy as np

from partnerface.landmarks.region import Region


class Look(NamedTuple):
    """One answer: points (L, 3) float64, x, y in px of the picture with pixel centres at +0.5, z in the same scale.

    `score` is from 0 to 1; `blendshapes` (52,) from 0 to 1, None where the detector has none.
    """

    points: np.ndarray
    score: float
    blendshapes: np.ndarray | None = None


class Reader(Protocol):
    """A detector; a context manager that is used by one thread at a time."""

    #: Names of the blendshapes in the order of `Look.blendshapes`; empty when it gives none.
    blendshape_names: tuple[str, ...]

    def __enter__(self) -> "Reader": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def looks(self, image: np.ndarray, regions: Sequence[Region]) -> list[Look | None]:
        """One answer per square of a picture (h, w, 3) uint8 sRGB; None where the detector sees no face.

        The squares are of much the same size and place.
        """
        ...


def to_picture(points: np.ndarray, region: Region, pixels: int) -> np.ndarray:
    """Points (L, 3) of a square's own `pixels` x `pixels` image in px of the picture, z in the same scale."""
    matrix = region.matrix(pixels)
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return np.column_stack([flat, points[:, 2] * region.size / pixels])
