"""The one typed container for landmarks of a clip, whichever detector found them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from partnerface.errors import ArtefactError
from partnerface.landmarks.schemes import SCHEMES

#: How many blendshape scores MediaPipe gives, its `_neutral` included.
BLENDSHAPES = 52


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of N frames with L points each.

    Attributes:
        scheme: a name of `SCHEMES`: which point is which.
        points: (N, L, 3) float32: x, y in pixels of the stored frame, pixel centres at +0.5; z is the detector's own
            relative depth in the same scale, growing away from the camera, 0 where it gives none. Zero where `found`
            is False.
        found: (N,) bool: whether the face was found in the frame.
        confidence: (N,) float32 from 0 to 1, 0 where not found.
        visibility: (N, L) float32 from 0 to 1, how much the camera sees of each point, 0 where not found. MediaPipe's
            points: `partnerface.landmarks.visibility`; face-alignment's: the peak of the point's heat map.
        blendshapes: (N, 52) float32 from 0 to 1, None where the detector gives none.
        blendshape_names: their names; empty without them.
    """

    scheme: str
    points: np.ndarray
    found: np.ndarray
    confidence: np.ndarray
    visibility: np.ndarray
    blendshapes: np.ndarray | None = None
    blendshape_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ValueError(problem)

    def _problem(self) -> str | None:
        if self.scheme not in SCHEMES:
            return f"unknown landmark scheme {self.scheme!r}; known are {', '.join(SCHEMES)}"
        if self.found.ndim != 1:
            return f"landmarks: found has shape {self.found.shape}, expected one value per frame"
        count, size = len(self.found), SCHEMES[self.scheme]
        expected = {
            "points": (count, size, 3),
            "found": (count,),
            "confidence": (count,),
            "visibility": (count, size),
        }
        if self.blendshapes is not None:
            expected["blendshapes"] = (count, BLENDSHAPES)
            if len(self.blendshape_names) != BLENDSHAPES:
                return f"landmarks: {len(self.blendshape_names)} blendshape names, expected {BLENDSHAPES}"
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape:
                return f"landmarks: {name} has shape {array.shape}, expected {shape}"
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                return f"landmarks: {name} holds values that are not finite"
        for name in ("confidence", "visibility", "blendshapes"):
            array = getattr(self, name)
            if array is not None and array.size and not (array.min() >= 0 and array.max() <= 1):
                return f"landmarks: {name} leaves the range from 0 to 1"
        return None

    def __len__(self) -> int:
        return len(self.found)

    def arrays(self, prefix: str = "") -> dict[str, np.ndarray]:
        """The arrays of landmarks.npz, their names behind a prefix."""
        out = {
            "points": self.points.astype(np.float32),
            "found": self.found.astype(bool),
            "confidence": self.confidence.astype(np.float32),
            "visibility": self.visibility.astype(np.float32),
            "scheme": np.array(self.scheme),
        }
        if self.blendshapes is not None:
            out["blendshapes"] = self.blendshapes.astype(np.float32)
            out["blendshape_names"] = np.array(self.blendshape_names)
        return {prefix + name: array for name, array in out.items()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], source: str = "landmarks.npz", prefix: str = ""
    ) -> "Landmarks":
        """The inverse of `arrays`; raises ArtefactError where something is missing or inconsistent.

        A file without `visibility`, as earlier versions wrote it, counts every point of a found face as seen.
        """
        missing = [prefix + name for name in ("points", "found", "confidence", "scheme") if prefix + name not in arrays]
        if missing:
            raise ArtefactError(f"{source} lacks {', '.join(missing)}; run `partnerface landmarks` again")
        points, found = arrays[prefix + "points"], arrays[prefix + "found"]
        visibility = arrays.get(prefix + "visibility")
        if visibility is None:
            visibility = np.broadcast_to(found[:, None], points.shape[:2]).astype(np.float32)
        names = tuple(str(name) for name in arrays.get(prefix + "blendshape_names", ()))
        try:
            return cls(
                str(arrays[prefix + "scheme"]),
                points,
                found,
                arrays[prefix + "confidence"],
                visibility,
                arrays.get(prefix + "blendshapes"),
                names,
            )
        except (ValueError, IndexError) as error:
            raise ArtefactError(f"{source}: {error}; run `partnerface landmarks` again") from None

    def require(self, scheme: str, source: str = "landmarks.npz") -> "Landmarks":
        """These landmarks, if they are of a scheme; raises ArtefactError if of another."""
        if self.scheme != scheme:
            raise ArtefactError(
                f"{source} holds {self.scheme} points, {scheme} is needed; set landmarks.detector to mediapipe or both "
                "and run `partnerface landmarks` again"
            )
        return self
