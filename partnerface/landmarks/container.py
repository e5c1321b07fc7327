"""The one typed container for landmarks of a clip, whichever detector found them."""

from dataclasses import dataclass

import numpy as np

from partnerface.errors import ArtefactError

#: How many points each scheme has.
SCHEMES = {"mediapipe478": 478, "ibug68": 68}


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of N frames with L points each.

    Attributes:
        scheme: a name of `SCHEMES`: which point is which.
        points: (N, L, 3) float32: x, y in pixels of the stored frame, pixel centres at +0.5; z is the detector's own
            relative depth in the same scale, growing away from the camera. Zero where `found` is False.
        found: (N,) bool: whether the face was found in the frame.
        confidence: (N,) float32 from 0 to 1, 0 where not found.
    """

    scheme: str
    points: np.ndarray
    found: np.ndarray
    confidence: np.ndarray

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ValueError(problem)

    def _problem(self) -> str | None:
        if self.scheme not in SCHEMES:
            return f"unknown landmark scheme {self.scheme!r}; known are {', '.join(SCHEMES)}"
        count = len(self.found)
        expected = {"points": (count, SCHEMES[self.scheme], 3), "found": (count,), "confidence": (count,)}
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape:
                return f"landmarks: {name} has shape {array.shape}, expected {shape}"
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                return f"landmarks: {name} holds values that are not finite"
        return None

    def __len__(self) -> int:
        return len(self.found)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of landmarks.npz."""
        return {
            "points": self.points.astype(np.float32),
            "found": self.found.astype(bool),
            "confidence": self.confidence.astype(np.float32),
            "scheme": np.array(self.scheme),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], source: str = "landmarks.npz") -> "Landmarks":
        """The inverse of `arrays`; raises ArtefactError where something is missing or inconsistent."""
        missing = [name for name in ("points", "found", "confidence", "scheme") if name not in arrays]
        if missing:
            raise ArtefactError(f"{source} lacks {', '.join(missing)}; run `partnerface landmarks` again")
        try:
            return cls(str(arrays["scheme"]), arrays["points"], arrays["found"], arrays["confidence"])
        except ValueError as error:
            raise ArtefactError(f"{source}: {error}; run `partnerface landmarks` again") from None
