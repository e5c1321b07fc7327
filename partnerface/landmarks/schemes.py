"""Which point is which: names, mirror images, and the road from 478 points to 68.

* `mediapipe478`: MediaPipe's face mesh, 468 points and five per iris (the centre, then right, top, left, bottom as seen
  in the picture).
* `ibug68`: the 68 points of the iBUG 300-W annotation (C. Sagonas, G. Tzimiropoulos, S. Zafeiriou, M. Pantic, "300
  Faces in-the-Wild Challenge", ICCVW 2013), counted from 0.

"Left" and "right" are the subject's; loops run from a group's first point around it.
"""

import functools
from pathlib import Path

import numpy as np

from partnerface.head import points as mediapipe

DATA = Path(__file__).parent / "data" / "mesh.npz"
#: How many points each scheme has.
SCHEMES = {"mediapipe478": mediapipe.COUNT, "ibug68": 68}

#: MediaPipe's groups. Eyes run from the outer corner over the upper lid; lips from the subject's right corner over the
#: upper lip; the oval from the forehead's middle by the subject's right side.
MEDIAPIPE_GROUPS: dict[str, tuple[int, ...]] = {
    "right_eye": mediapipe.RIGHT_EYE,
    "left_eye": mediapipe.LEFT_EYE,
    "right_brow": mediapipe.RIGHT_BROW,
    "left_brow": mediapipe.LEFT_BROW,
    "lips_outer": mediapipe.OUTER_LIPS,
    "lips_inner": mediapipe.INNER_LIPS,
    "nose_bridge": mediapipe.NOSE_RIDGE,
    "oval": mediapipe.OVAL,
    "right_iris": mediapipe.RIGHT_IRIS[1:],
    "left_iris": mediapipe.LEFT_IRIS[1:],
    "right_iris_centre": mediapipe.RIGHT_IRIS[:1],
    "left_iris_centre": mediapipe.LEFT_IRIS[:1],
}
#: The groups of iBUG's 68.
IBUG_GROUPS: dict[str, tuple[int, ...]] = {
    "jaw": tuple(range(17)),
    "right_brow": tuple(range(17, 22)),
    "left_brow": tuple(range(22, 27)),
    "nose_bridge": tuple(range(27, 31)),
    "nose_base": tuple(range(31, 36)),
    "right_eye": tuple(range(36, 42)),
    "left_eye": tuple(range(42, 48)),
    "lips_outer": tuple(range(48, 60)),
    "lips_inner": tuple(range(60, 68)),
}
GROUPS = {"mediapipe478": MEDIAPIPE_GROUPS, "ibug68": IBUG_GROUPS}

#: The point of MediaPipe's mesh that comes nearest to each of iBUG's, the correspondence in common use. The jaw is only
#: near: iBUG follows the contour as seen, MediaPipe the same skin whichever way the head turns.
IBUG_OF_MEDIAPIPE = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)

#: iBUG's point on the other side of the face.
IBUG_MIRROR = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)


@functools.cache
def _mesh() -> dict[str, np.ndarray]:
    """`mirror` (478,) and `triangles` (852, 3) of MediaPipe's mesh, as `partnerface.head.measure` finds them."""
    with np.load(DATA, allow_pickle=False) as data:
        return {name: data[name].astype(np.int64) for name in ("mirror", "triangles")}


def triangles() -> np.ndarray:
    """(852, 3) triangles of MediaPipe's mesh, counter-clockwise seen from outside; eyes and mouth are open."""
    return _mesh()["triangles"]


def mirror(scheme: str) -> np.ndarray:
    """(L,) index of each point's mirror image, its own inverse."""
    return np.array(IBUG_MIRROR) if scheme == "ibug68" else _mesh()["mirror"]


def flip(points: np.ndarray, scheme: str, width: float) -> np.ndarray:
    """The points (..., L, 2 or 3) that a picture of this width in px, mirrored left to right, would have."""
    out = points[..., mirror(scheme), :].copy()
    out[..., 0] = width - out[..., 0]
    return out


def to_ibug68(points: np.ndarray) -> np.ndarray:
    """(..., 478, D) of MediaPipe's points, or of anything given per point, to (..., 68, D)."""
    return points[..., list(IBUG_OF_MEDIAPIPE), :]


def iris_centres(points: np.ndarray) -> np.ndarray:
    """(..., 478, D) to (..., 2, D): the centre of the left iris, then of the right one, as `eye_pose` has them."""
    return points[..., [mediapipe.LEFT_IRIS[0], mediapipe.RIGHT_IRIS[0]], :]


def iris_contours(points: np.ndarray) -> np.ndarray:
    """(..., 478, D) to (..., 2, 4, D): four points around the left iris, then around the right one."""
    return np.stack([points[..., list(MEDIAPIPE_GROUPS[name]), :] for name in ("left_iris", "right_iris")], axis=-3)


def group(points: np.ndarray, scheme: str, name: str) -> np.ndarray:
    """The points (..., n, D) of a group, by its name in `GROUPS`."""
    return points[..., list(GROUPS[scheme][name]), :]
