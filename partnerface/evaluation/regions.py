"""The regions of a frame over which errors are averaged, from its true classes and landmarks.

* full: the whole image, background included.
* face: the pixels of the classes skin, brows, eyes, nose, lips and mouth_inside of the dataset.
* mouth: the pixels whose centre lies within r of the convex hull of the outer lip landmarks.
* eyes: the pixels whose centre lies within r of the convex hull of the landmarks of either eye (brows left out).

r = 0.1 x the greater of two distances that neither speech nor a blink changes and that a turn shortens one at a time:
between the outer corners of the eyes, and from the top of the forehead to below the nose. Masks come from the true
frame alone, so that a render can't choose where it is judged.
"""

import numpy as np

from partnerface.conventions import CLASS_NAMES, REGIONS
from partnerface.head.points import FOREHEAD, LEFT_EYE, NOSE_BASE, OUTER_EYE_CORNERS, OUTER_LIPS, RIGHT_EYE

FACE_CLASSES = ("skin", "brows", "eyes", "nose", "lips", "mouth_inside")
FOREHEAD_TO_NOSE = (FOREHEAD, NOSE_BASE)
DILATION = 0.1

#: What the protocol says about each region.
DEFINITIONS = {
    "full": "the whole image, background included",
    "face": "true pixels of the classes " + ", ".join(FACE_CLASSES),
    "mouth": f"within {DILATION} face lengths of the convex hull of the true outer lip landmarks",
    "eyes": f"within {DILATION} face lengths of the convex hulls of the true landmarks of both eyes",
}


def convex_hull(points: np.ndarray) -> np.ndarray:
    """The corners of the convex hull of (N, 2) points, (M, 2), in order around it (monotone chain)."""
    ordered = sorted(set(map(tuple, np.asarray(points, np.float64))))
    if len(ordered) < 3:
        return np.array(ordered)

    def half(chain_of: list) -> list:
        chain: list = []
        for point in chain_of:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        return chain[:-1]

    return np.array(half(ordered) + half(ordered[::-1]))


def _turn(a: tuple, b: tuple, c: tuple) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def dilated_hull(points: np.ndarray, radius: float, height: int, width: int) -> np.ndarray:
    """The pixels whose centre lies in the convex hull of some points or within `radius` of it.

    Args:
        points: (N, 2) x, y in px; pixel (row 0, column 0) has its centre at (0.5, 0.5).
        radius: px.
        height, width: of the mask.

    Returns:
        (height, width) bool.
    """
    corners = convex_hull(points)
    low = np.floor(corners.min(0) - radius).astype(int).clip(0)
    high = np.minimum(np.ceil(corners.max(0) + radius).astype(int), (width, height))
    mask = np.zeros((height, width), bool)
    if (low >= high).any():
        return mask
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
    centre = np.stack([x, y], -1)[:, :, None]  # (h, w, 1, 2) against the hull's edges
    start, edge = corners, np.roll(corners, -1, 0) - corners
    offset = centre - start
    along = ((offset * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12)).clip(0, 1)
    near = ((offset - along[..., None] * edge) ** 2).sum(-1).min(-1) <= radius**2
    cross = edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]
    inside = (cross >= 0).all(-1) & (len(corners) > 2)
    mask[low[1] : high[1], low[0] : high[0]] = near | inside
    return mask


def face_length(landmarks: np.ndarray) -> float:
    """The length in px that scales the dilation; landmarks (478, 2)."""
    return float(max(np.linalg.norm(landmarks[a] - landmarks[b]) for a, b in (OUTER_EYE_CORNERS, FOREHEAD_TO_NOSE)))


def region_masks(classes: np.ndarray, landmarks: np.ndarray | None) -> dict[str, np.ndarray | None]:
    """The regions of one frame.

    Args:
        classes: (H, W) uint8, positions in `conventions.CLASS_NAMES`, of the true frame.
        landmarks: (478, 2) px of the true frame; None, or not finite, when it has none.

    Returns:
        Region → bool (H, W) mask, None for the whole image. A region that has no pixel in this frame, or whose
        landmarks are unknown, is left out.
    """
    height, width = classes.shape
    masks: dict[str, np.ndarray | None] = {"full": None}
    masks["face"] = np.isin(classes, [CLASS_NAMES.index(name) for name in FACE_CLASSES])
    if landmarks is not None and np.isfinite(landmarks).all():
        radius = DILATION * face_length(landmarks)
        masks["mouth"] = dilated_hull(landmarks[list(OUTER_LIPS)], radius, height, width)
        masks["eyes"] = dilated_hull(landmarks[list(RIGHT_EYE)], radius, height, width) | dilated_hull(
            landmarks[list(LEFT_EYE)], radius, height, width
        )
    return {name: masks[name] for name in REGIONS if name in masks and _has_pixels(masks[name])}


def _has_pixels(mask: np.ndarray | None) -> bool:
    return mask is None or bool(mask.any())
