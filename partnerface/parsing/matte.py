"""From the coarse mask of a person to the soft alpha of one head: steadied in time, refined at edges, one piece."""

import numpy as np

#: Alpha below this is none.
FAINT = 0.03
#: The coarse mask is stretched from this range to 0..1: its ramp is wider than the head's own edge.
STRETCH = 0.25
#: The edge's colours likewise: a share so near to 0 or 1 is noise.
EDGE_STRETCH = 0.1
#: Sure pixels, and half the width of the window in which their colours are averaged, as a share of the frame's edge.
SURE, WINDOW = 0.95, 1 / 60
#: Least difference of foreground and background (sRGB, 0 to 1), and how much their own variety counts against it.
MIN_CONTRAST, VARIETY = 0.06, 2.0
#: A colour that lies off the line from background to foreground by this share of its length is no mixture of the two.
OFF_LINE = 0.3
#: Confidence below the first is none, above the second full.
DOUBTFUL, CERTAIN = 0.25, 0.6


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
    """Set the mask's edge by colour, pixel by pixel, where the picture allows it.

    At an edge pixel the foreground's colour F and the background's B are the means of sure pixels near by. The pixel's
    colour I is taken for the mixture alpha F + (1 - alpha) B, so alpha = (I - B)·(F - B) / |F - B|², the projection
    onto the line between them. Where F and B are alike or mixed themselves, or I lies off that line, the coarse mask
    stays; in between both are blended by confidence.

    Args:
        image: (h, w, 3) uint8 sRGB.
        mask: (h, w) float32, the coarse mask.

    Returns:
        (h, w) float32 alpha from 0 to 1.
    """
    import cv2

    reach = np.ones((5, 5), np.uint8)
    edge = (cv2.dilate(mask, reach) > FAINT) & (cv2.erode(mask, reach) < 1 - FAINT)
    coarse = np.clip((mask - STRETCH) / (1 - 2 * STRETCH), 0, 1)
    if not edge.any():
        return coarse
    front, back, variety, near = _colours_near(image, mask, edge)
    colour = image[edge].astype(np.float32) / 255
    line, offset = front - back, colour - back
    length = (line**2).sum(1)
    share = np.clip((offset * line).sum(1) / (length + 1e-4), 0, 1)
    off = ((offset - share[:, None] * line) ** 2).sum(1)
    trust = length / (length + VARIETY * variety + MIN_CONTRAST**2) * np.exp(-off / (OFF_LINE**2 * length + 1e-4))
    trust = _smooth_within(trust * near, edge, sigma=1.5)
    trust = np.clip((trust - DOUBTFUL) / (CERTAIN - DOUBTFUL), 0, 1)
    share = np.clip((share - EDGE_STRETCH) / (1 - 2 * EDGE_STRETCH), 0, 1)
    coarse[edge] += trust * (share - coarse[edge])
    return coarse


def _colours_near(
    image: np.ndarray, mask: np.ndarray, where: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For the n pixels of the mask `where`: mean colour (n, 3) of sure foreground and of sure background near by, the
    variance (n,) within both together, and whether both are near at all (n,), as 0 or 1.

    These fields are smooth, so they are found at half the size.
    """
    import cv2

    height, width = mask.shape
    size = (max(1, width // 2), max(1, height // 2))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    coarse = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    edge = 2 * max(1, round(WINDOW * size[0])) + 1
    rows, columns = np.nonzero(where)
    place = (rows * size[1] // height, columns * size[0] // width)

    def near(field: np.ndarray) -> np.ndarray:
        return cv2.blur(cv2.blur(field, (edge, edge)), (edge, edge))[place]

    square = (small**2).sum(-1)
    means, variance, both = [], np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
    for sure in ((coarse > SURE).astype(np.float32), (coarse < 1 - SURE).astype(np.float32)):
        weight = near(sure)
        whole = np.maximum(weight, 1e-4)
        mean = near(small * sure[..., None]) / whole[:, None]
        means.append(mean)
        variance += np.maximum(near(square * sure) / whole - (mean**2).sum(1), 0)
        both *= weight > 2e-3
    return means[0], means[1], variance, both


def _smooth_within(values: np.ndarray, where: np.ndarray, sigma: float) -> np.ndarray:
    """Values (n,) of the n pixels of a mask, blurred among themselves."""
    import cv2

    field = np.zeros(where.shape, np.float32)
    field[where] = values
    total, weight = (cv2.GaussianBlur(item, (0, 0), sigma) for item in (field, where.astype(np.float32)))
    return total[where] / np.maximum(weight[where], 1e-6)


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
    """How far a mask's outline trembles from one frame to the next, in px, once the head's own motion is taken away.

    The mean displacement of the outline: sum |alpha moved with the head - alpha| / sum |gradient of alpha|. What does
    not move with the head (hair, the collar on the torso) counts as trembling too.

    Args:
        before, after: alpha (h, w) from 0 to 1 of two neighbouring frames.
        source, target: their landmarks (n, 2), px.
    """
    moved = carry(before.astype(np.float32), source, target)
    after = after.astype(np.float32)
    slope = np.hypot(np.diff(after, axis=1)[:-1], np.diff(after, axis=0)[:, :-1]).sum()
    return float(np.abs(moved - after).sum() / max(float(slope), 1.0))
