"""The measured face in metres."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent.parent / "data" / "face.npz"

#: Distance between the outer eye corners of an average adult, metres; the measured face is in units of it.
EYE_CORNERS = 0.090

# Behind this depth (in eye-corner distances, from the eye corners) MediaPipe's faces are flatter than people: the
# distances from the eye corner back to the ear come out a tenth short of what the images' parallax gives.
FLAT_BEHIND, FLAT_STRETCH = -0.02, 1.12


@dataclass
class Face:
    """The neutral face. Metres; origin midway between the outer eye corners; x to the subject's left, y up, z out."""

    points: np.ndarray  # (478, 3); 468..477 the irises
    faces: np.ndarray  # (852, 3)
    mirror: np.ndarray  # (478,)
    identity: np.ndarray  # (I, 478, 3) one standard deviation of each measured difference between people
    motion: np.ndarray  # (M, 478, 3) one standard deviation of each measured expressive motion


def load_face() -> Face:
    """The measured face, scaled to metres, its sides stretched to human depth."""
    with np.load(DATA, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    points = arrays["mean"].astype(np.float64)
    behind = np.minimum(points[:, 2] - FLAT_BEHIND, 0)
    points[:, 2] += (FLAT_STRETCH - 1) * behind
    return Face(
        points=points * EYE_CORNERS,
        faces=arrays["triangles"].astype(np.int64),
        mirror=arrays["mirror"].astype(np.int64),
        identity=arrays["identity"].astype(np.float64) * EYE_CORNERS,
        motion=arrays["motion"].astype(np.float64) * EYE_CORNERS,
    )


def mirrored(face: Face, points: tuple[int, ...]) -> tuple[int, ...]:
    """The points on the other side, in the same order."""
    return tuple(int(face.mirror[point]) for point in points)
