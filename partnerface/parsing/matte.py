"""Masks over time and as a whole: steadied with their neighbours, the face closed, one piece; and their trembling."""

import numpy as np

from partnerface.parsing.edges import FAINT

#: A pixel with more alpha than this connects what lies around it.
CONNECTS = 0.25


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


def marked(where: np.ndarray) -> np.ndarray:
    """A bool mask as uint8, 255 where it is true: what OpenCV takes and what bitwise operations leave as it is."""
    return where.view(np.uint8) * np.uint8(255)


def fill_face(alpha: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Make the fitted face opaque, but for a margin at its outline: glasses and teeth leave no holes.

    Args:
        alpha: (h, w) uint8.
        face: (r, r) float32 share of the fitted face, coarser.
    """
    import cv2

    core = cv2.erode(marked(face > 0.99), np.ones((7, 7), np.uint8))
    return cv2.max(alpha, cv2.resize(core, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR))


def piece_of(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """The part of a mask that is connected, by sides or corners, to `seed`, which is one piece.

    Where the seed is empty or meets nothing, it is the largest piece of the mask.

    Args:
        mask, seed: (h, w) uint8, 0 or 255; the seed counts as a bridge.

    Returns:
        (h, w) uint8, 0 or 255.
    """
    import cv2

    # A pixel of the seed: the middle of its fullest row, so that no stray speck is taken for it.
    counts = cv2.reduce(seed, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    row = int(counts.argmax())
    if counts[row]:
        columns = np.flatnonzero(seed[row])
        piece = _flooded(mask | seed, (int(columns[len(columns) // 2]), row)) & mask
        if piece.any():
            return piece
    return _flooded(mask, _largest(mask)) if mask.any() else mask


def _flooded(mask: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """(h, w) uint8, 255 where a mask (h, w) is connected to a pixel x, y of it."""
    import cv2

    reached = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    cv2.floodFill(mask, reached, place, (0,), flags=8 | cv2.FLOODFILL_MASK_ONLY | 255 << 8)
    return reached[1:-1, 1:-1]


def _largest(mask: np.ndarray) -> tuple[int, int]:
    """x, y of a pixel in the largest piece of a mask that is not empty."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    label = 1 + int(stats[1:count, cv2.CC_STAT_AREA].argmax())
    left, top = int(stats[label, cv2.CC_STAT_LEFT]), int(stats[label, cv2.CC_STAT_TOP])
    return left + int((labels[top, left:] == label).argmax()), top


def keep_head(alpha: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Drop patches that are not connected to the face; alpha below `FAINT` becomes 0.

    Args:
        alpha: (h, w) uint8.
        face: (h, w) uint8, 255 in pixels of the fitted face.
    """
    import cv2

    piece = piece_of(marked(alpha > 255 * CONNECTS), face)
    near = cv2.dilate(piece, np.ones((5, 5), np.uint8))
    return cv2.threshold(alpha & near, int(255 * FAINT), 0, cv2.THRESH_TOZERO)[1]


def flicker(before: np.ndarray, after: np.ndarray, source: np.ndarray, target: np.ndarray) -> float:
    """How far a mask's outline trembles from one frame to the next, in px, once the head's own motion is taken away.

    The mean displacement of the outline: sum |alpha moved with the head - alpha| / sum |gradient of alpha|. What does
    not move with the head (hair, the collar on the torso) counts as trembling too.

    Args:
        before, after: alpha (h, w) uint8 of two neighbouring frames.
        source, target: their landmarks (n, 2), px.
    """
    import cv2

    moved = carry(before, source, target)
    across, down = cv2.absdiff(after[:-1, 1:], after[:-1, :-1]), cv2.absdiff(after[1:, :-1], after[:-1, :-1])
    edge = np.flatnonzero(cv2.max(across, down))
    slope = np.hypot(across.ravel()[edge], down.ravel()[edge], dtype=np.float32).sum()
    return float(cv2.sumElems(cv2.absdiff(moved, after))[0] / max(float(slope), 255.0))
