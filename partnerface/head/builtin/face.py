"""The measured face in metres, and the names of MediaPipe's points that the other parts hang on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent.parent / "data" / "face.npz"

#: Distance between the outer eye corners of an average adult, metres; the measured face is in units of it.
EYE_CORNERS = 0.090

# MediaPipe's points by name. "Right" and "left" are the subject's; loops run as the mesh's openings do.
RIGHT_UPPER_LID = (246, 161, 160, 159, 158, 157, 173)  # from the outer corner 33 to the inner corner 133
RIGHT_LOWER_LID = (7, 163, 144, 145, 153, 154, 155)
RIGHT_EYE = (33, *RIGHT_UPPER_LID, 133, *reversed(RIGHT_LOWER_LID))
RIGHT_BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER = 61, 291
UPPER_LIP_INNER = (191, 80, 81, 82, 13, 312, 311, 310, 415)  # from the right corner 78 to the left corner 308
LOWER_LIP_INNER = (95, 88, 178, 87, 14, 317, 402, 318, 324)
MOUTH = (78, *UPPER_LIP_INNER, 308, *reversed(LOWER_LIP_INNER))
UPPER_LIP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_LIP = (146, 91, 181, 84, 17, 314, 405, 321, 375)
OVAL = (
    *(10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338),
)
IRIS_RIGHT, IRIS_LEFT = tuple(range(468, 473)), tuple(range(473, 478))

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
