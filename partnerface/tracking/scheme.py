"""How far each of MediaPipe's 478 landmarks is to be trusted in the fit."""

import numpy as np

from partnerface.head.points import (
    BROWS,
    COUNT,
    INNER_LIP_CHAINS,
    INNER_LIPS,
    LEFT_EYE,
    LEFT_EYE_CORNERS,
    LEFT_EYE_OPENING,
    LEFT_IRIS,
    LEFT_LID_CHAINS,
    OUTER_LIPS,
    OVAL,
    RIGHT_EYE,
    RIGHT_EYE_CORNERS,
    RIGHT_EYE_OPENING,
    RIGHT_IRIS,
    RIGHT_LID_CHAINS,
)

LIPS = tuple(sorted({*OUTER_LIPS, *INNER_LIPS}))
RIGHT_LIDS, LEFT_LIDS = tuple(sorted(RIGHT_EYE)), tuple(sorted(LEFT_EYE))
#: Places that move with the skull whatever the face does: nose bridge, inner and outer eye corners, temples, forehead.
STEADY = (
    6, 168, 197, 195, 5, 4, 8, 9, 151, 33, 133, 362, 263, 127, 356, 54, 284, 67, 297, 10, 109, 338, 69, 299, 108, 337,
    122, 351, 193, 417, 168, 48, 278, 115, 344,
)  # fmt: skip

#: Upper and lower landmarks whose distance says how far mouth and eyes are open.
OPENINGS = tuple(
    pair
    for upper, lower in (INNER_LIP_CHAINS, RIGHT_LID_CHAINS, LEFT_LID_CHAINS)
    for pair in zip(upper[1:-1], lower[1:-1], strict=True)
)

# An open eye's height over its width is near 0.3; below the first ratio the iris is hidden, above the second seen.
_SHUT, _OPEN = 0.08, 0.18


def base_weights() -> np.ndarray:
    """(478,) weight of each landmark in the fit, before visibility and robustness.

    Lids, lips and irises are few among many and carry what matters most. The points of the face's outline slide along
    the skin with the pose, so they hardly count.
    """
    weights = np.ones(COUNT)
    for group, weight in ((LIPS, 3.0), (RIGHT_LIDS, 3.0), (LEFT_LIDS, 3.0), (BROWS, 1.5), (OVAL, 0.25)):
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
    for pairs, (outer, inner) in ((LEFT_EYE_OPENING, LEFT_EYE_CORNERS), (RIGHT_EYE_OPENING, RIGHT_EYE_CORNERS)):
        height = np.mean([np.linalg.norm(flat[:, a] - flat[:, b], axis=-1) for a, b in pairs], axis=0)
        width = np.linalg.norm(flat[:, outer] - flat[:, inner], axis=-1)
        ratios.append(height / np.maximum(width, 1e-6))
    return np.stack(ratios, axis=1)


def iris_visibility(points: np.ndarray) -> np.ndarray:
    """(T, 478) factors in 0..1: a hidden iris is invented by the detector and must not steer the eye."""
    share = np.clip((eye_openness(points) - _SHUT) / (_OPEN - _SHUT), 0.0, 1.0)
    factors = np.ones(points.shape[:2])
    factors[:, list(LEFT_IRIS)] = share[:, :1]
    factors[:, list(RIGHT_IRIS)] = share[:, 1:]
    return factors
