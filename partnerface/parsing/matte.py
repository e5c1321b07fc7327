"""From the coarse mask of a person to the soft alpha of one head: steadied in time, refined at edges, one piece."""

import numpy as np

#: Alpha below this is none.
FAINT = 0.03
#: Radius of the edge refinement as a share of the frame's edge, and its tolerance of colour differences (squared).
RADIUS, TOLERANCE = 1 / 160, 1e-4
#: The refined mask is stretched from this range to 0..1, which takes away the filter's halo.
LOW, HIGH = 0.1, 0.9


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(2, 3) float64: the turn, scale and shift that lays points (n, 2) over others best in the least-squares sense.

    Closed form of Umeyama (1991) in two dimensions, with complex numbers.
    """
    a, b = source.mean(0), target.mean(0)
    p, q = source - a, target - b
    norm = max(float((p**2).sum()), 1e-12)
    cos, sin = float((p * q).sum()) / norm, float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / norm
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.hstack([turn, (b - turn @ a)[:, None]])


def carry(mask: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A mask (h, w) of one frame moved with the head to another, given the landmarks (n, 2) px in both."""
    import cv2

    matrix = similarity(source, target)
    # OpenCV puts pixel centres at whole numbers, landmarks count them at +0.5.
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(mask, matrix, mask.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def steady(masks: list[np.ndarray], points: list[np.ndarray], share: float) -> np.ndarray:
    """The middle mask, averaged with its neighbours after these are moved with the head.

    Args:
        masks: the masks of some neighbours, the frame itself first.
        points: their landmarks (n, 2), px.
        share: weight of each neighbour; the frame itself has the rest.
    """
    out = masks[0] * (1 - share * (len(masks) - 1))
    for mask, place in zip(masks[1:], points[1:], strict=True):
        out = out + share * carry(mask, place, points[0])
    return out.astype(np.float32)


def refine(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Let the mask's edge follow the image's edges (guided filter of He et al. 2010), as in hair.

    Args:
        image: (h, w, 3) uint8 sRGB.
        mask: (h, w) float32.

    Returns:
        (h, w) float32 alpha from 0 to 1.
    """
    import cv2

    radius = max(1, round(RADIUS * image.shape[0]))
    # Away from edges the filter has nothing to add, its ringing would leave faint clouds, and it is slow.
    reach = cv2.getStructuringElement(cv2.MORPH_RECT, (4 * radius + 1, 4 * radius + 1))
    inside, outside = cv2.erode(mask, reach) > 1 - FAINT, cv2.dilate(mask, reach) < FAINT
    soft = inside.astype(np.float32)
    edge = ~(inside | outside)
    if edge.any():
        rows, columns = np.flatnonzero(edge.any(1)), np.flatnonzero(edge.any(0))
        part = np.s_[
            max(0, rows[0] - 2 * radius) : rows[-1] + 2 * radius + 1,
            max(0, columns[0] - 2 * radius) : columns[-1] + 2 * radius + 1,
        ]
        guide = np.ascontiguousarray(image[part]).astype(np.float32) / 255
        filtered = cv2.ximgproc.guidedFilter(guide, np.ascontiguousarray(mask[part]), radius, TOLERANCE)
        soft[part] = np.where(edge[part], filtered, soft[part])
    return np.clip((soft - LOW) / (HIGH - LOW), 0, 1).astype(np.float32)


def fill_face(alpha: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Make the fitted face opaque, but for a margin at its outline: glasses and teeth leave no holes.

    Args:
        alpha: (h, w) float32.
        face: (r, r) float32 share of the fitted face, coarser.
    """
    import cv2

    core = cv2.erode((face > 0.99).astype(np.float32), np.ones((7, 7), np.uint8))
    return np.maximum(alpha, cv2.resize(core, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR))


def piece_of(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """(h, w) bool: the connected pieces of a bool mask that share pixels with `seed`; the largest where none does."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 1:
        return mask
    touched = np.unique(labels[seed & mask])
    touched = touched[touched > 0]
    if not len(touched):
        touched = [1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    return np.isin(labels, touched)


def keep_head(alpha: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Drop patches that are not connected to the face; alpha below `FAINT` becomes 0.

    Args:
        alpha: (h, w) float32.
        face: (h, w) bool, pixels of the fitted face.
    """
    import cv2

    piece = piece_of(alpha > 0.25, face)
    near = cv2.dilate(piece.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(near & (alpha >= FAINT), alpha, 0).astype(np.float32)


def flicker(before: np.ndarray, after: np.ndarray, source: np.ndarray, target: np.ndarray) -> float:
    """How much of the outline trembles: mean |alpha moved with the head - alpha| over the pixels of either soft edge.

    Args:
        before, after: alpha (h, w) from 0 to 1 of two neighbouring frames.
        source, target: their landmarks (n, 2), px.
    """
    moved = carry(before.astype(np.float32), source, target)
    edge = ((moved > 0.05) & (moved < 0.95)) | ((after > 0.05) & (after < 0.95))
    return float(np.abs(moved - after)[edge].mean()) if edge.any() else 0.0
