"""What is known of MediaPipe's 478 landmarks: which lie where, and how far each is to be trusted."""

import numpy as np

#: Outer eye corners (subject's right, left): the unit in which landmark errors are given.
OUTER_EYE_CORNERS = (33, 263)
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
# Upper and lower chain of a closed outline: lips from the subject's right to the left, eyes from corner to corner.
OUTER_LIPS = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
)
INNER_LIPS = (
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
)
RIGHT_EYE = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133))
LEFT_EYE = ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362))
RIGHT_BROW, LEFT_BROW = (70, 63, 105, 66, 107), (336, 296, 334, 293, 300)
NOSE_RIDGE = (168, 6, 197, 195, 5, 4, 1)
LIPS = tuple(sorted({point for chains in (OUTER_LIPS, INNER_LIPS) for chain in chains for point in chain}))
RIGHT_LIDS = tuple(sorted({point for chain in RIGHT_EYE for point in chain}))
LEFT_LIDS = tuple(sorted({point for chain in LEFT_EYE for point in chain}))
BROWS = (*RIGHT_BROW, *LEFT_BROW, 46, 53, 52, 65, 55, 276, 283, 282, 295, 285)
RIGHT_IRIS, LEFT_IRIS = (468, 469, 470, 471, 472), (473, 474, 475, 476, 477)
# Pairs (upper, lower) down the middle of each eye, and its corners: their ratio says how far the eye is open.
RIGHT_OPENING, LEFT_OPENING = ((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380))
RIGHT_CORNERS, LEFT_CORNERS = (33, 133), (263, 362)
#: Places that move with the skull whatever the face does: nose bridge, inner and outer eye corners, temples, forehead.
STEADY = (
    6, 168, 197, 195, 5, 4, 8, 9, 151, 33, 133, 362, 263, 127, 356, 54, 284, 67, 297, 10, 109, 338, 69, 299, 108, 337,
    122, 351, 193, 417, 168, 48, 278, 115, 344,
)  # fmt: skip

#: Upper and lower landmarks whose distance says how far mouth and eyes are open.
OPENINGS = tuple(
    pair for upper, lower in (INNER_LIPS, RIGHT_EYE, LEFT_EYE) for pair in zip(upper[1:-1], lower[1:-1], strict=True)
)

COUNT = 478
#: Width of an eye over the distance of the outer eye corners.
EYE_WIDTH = 0.31
# An open eye's height over its width is near 0.3; below the first ratio the iris is hidden, above the second seen.
_SHUT, _OPEN = 0.08, 0.18


def base_weights() -> np.ndarray:
    """(478,) weight of each landmark in the fit, before visibility and robustness.

    Lids, lips and irises are few among many and carry what matters most. The points of the face's outline slide along
    the skin with the pose, so they hardly count.
    """
    weights = np.ones(COUNT)
    for group, weight in ((LIPS, 3.0), (RIGHT_LIDS, 3.0), (LEFT_LIDS, 3.0), (BROWS, 1.5), (FACE_OVAL, 0.25)):
        weights[list(group)] = weight
    weights[list(RIGHT_IRIS + LEFT_IRIS)] = 2.0
    return weights


def steady_weights() -> np.ndarray:
    """(478,) weights of the first pose: only what moves with the skull."""
    weights = np.full(COUNT, 0.02)
    weights[list(STEADY)] = 1.0
    return weights


def eye_openness(points: np.ndarray) -> np.ndarray:
    """Height over width of both eyes, (T, 2), the subject's left first, from landmarks (T, 478, 2 or 3) in pixels."""
    flat = points[..., :2]
    ratios = []
    for pairs, (outer, inner) in ((LEFT_OPENING, LEFT_CORNERS), (RIGHT_OPENING, RIGHT_CORNERS)):
        height = np.mean([np.linalg.norm(flat[:, a] - flat[:, b], axis=-1) for a, b in pairs], axis=0)
        width = np.linalg.norm(flat[:, outer] - flat[:, inner], axis=-1)
        ratios.append(height / np.maximum(width, 1e-6))
    return np.stack(ratios, axis=1)


def iris_visibility(points: np.ndarray, known: np.ndarray | None = None, size: np.ndarray | None = None) -> np.ndarray:
    """(T, 478) factors in 0..1: a hidden iris is invented by the detector and must not steer the eye.

    Args:
        points: (T, 478, 2 or 3) px.
        known: (478,) which landmarks may be looked at; None for all.
        size: (T,) px, distance of the outer eye corners as seen from the front; needed with `known`.
    """
    openness = eye_openness(points) if known is None or size is None else _openness_of(points, known, size)
    share = np.clip((openness - _SHUT) / (_OPEN - _SHUT), 0.0, 1.0)
    factors = np.ones(points.shape[:2])
    factors[:, list(LEFT_IRIS)] = share[:, :1]
    factors[:, list(RIGHT_IRIS)] = share[:, 1:]
    return factors


def _openness_of(points: np.ndarray, known: np.ndarray, size: np.ndarray) -> np.ndarray:
    """`eye_openness` from the known lids alone: the eye's width is taken from the size of the face, because both of
    its corners may be unknown. An eye without a known pair of lids counts as open."""
    ratios = []
    for pairs in (LEFT_OPENING, RIGHT_OPENING):
        heights = [
            np.linalg.norm(points[:, a, :2] - points[:, b, :2], axis=-1) for a, b in pairs if known[[a, b]].all()
        ]
        ratios.append(np.mean(heights, axis=0) / (EYE_WIDTH * size) if heights else np.ones(len(points)))
    return np.stack(ratios, axis=1)
