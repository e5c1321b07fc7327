"""Which of MediaPipe's points the camera can see, as far as the mesh itself tells.

A point is seen when its surface faces the camera and it lies inside the frame. The mesh does not know what covers the
face (a hand, hair); that lowers the frame's confidence. A nose that hides the far cheek is not looked for either.
"""

import numpy as np

from partnerface.landmarks.schemes import MEDIAPIPE_GROUPS, triangles

#: Cosine of the angle between normal and line of sight from which a point counts as seen in full (78 degrees off).
SEEN_FROM = 0.2
#: Frames that are worked on at once, which bounds memory.
_BLOCK = 128


def mesh_visibility(points: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Visibility of MediaPipe's points.

    Surface points: the cosine between the mean normal of the triangles around the point, weighted by area, and the line
    of sight (parallel to z, as the mesh's own depth is meant), over `SEEN_FROM`, cut to [0, 1]. Points of an iris: 1
    inside the contour of the lids, else 0, times the mean visibility of that contour. Times 1 inside the frame, else 0.

    Args:
        points: (N, 478, 3) x, y in px, z in the same scale, growing away from the camera.
        size: height and width of the frames, px.

    Returns:
        (N, 478) float32 from 0 to 1.
    """
    out = np.zeros(points.shape[:2], np.float32)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK].astype(np.float64)
        out[start : start + _BLOCK] = _visibility(block)
    x, y = points[..., 0], points[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= size[1]) & (y <= size[0])
    return out * inside


def _visibility(points: np.ndarray) -> np.ndarray:
    faces = triangles()
    a, b, c = (points[:, faces[:, k]] for k in range(3))
    # In axes x right, y down, z forward, a triangle that is counter-clockwise as seen has its cross product at -z.
    normal = np.cross(b - a, c - a)
    total = np.zeros((len(points), 478, 3))
    for k in range(3):
        for axis in range(3):
            total[..., axis] += _sum_at(faces[:, k], normal[..., axis])
    cosine = -total[..., 2] / np.maximum(np.linalg.norm(total, axis=-1), 1e-12)
    seen = (cosine / SEEN_FROM).clip(0, 1)
    for side in ("left", "right"):
        iris = list(MEDIAPIPE_GROUPS[f"{side}_iris"] + MEDIAPIPE_GROUPS[f"{side}_iris_centre"])
        lids = list(MEDIAPIPE_GROUPS[f"{side}_eye"])
        open_ = _inside(points[:, iris, :2], points[:, lids, :2])
        seen[:, iris] = open_ * seen[:, lids].mean(1, keepdims=True)
    return seen


def _sum_at(index: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums of values (N, F) at the points that `index` (F,) names, (N, 478)."""
    count = len(values)
    flat = (np.arange(count)[:, None] * 478 + index).ravel()
    return np.bincount(flat, values.ravel(), count * 478).reshape(count, 478)


def _inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which of points (N, P, 2) lie in a polygon (N, K, 2), by the parity of crossings of a ray to the right."""
    start, end = polygon[:, None], np.roll(polygon, -1, 1)[:, None]
    x, y = points[:, :, None, 0], points[:, :, None, 1]
    crosses = (start[..., 1] > y) != (end[..., 1] > y)
    drop = np.where(crosses, end[..., 1] - start[..., 1], 1.0)
    at = start[..., 0] + (y - start[..., 1]) / drop * (end[..., 0] - start[..., 0])
    return (crosses & (x < at)).sum(-1) % 2 == 1
