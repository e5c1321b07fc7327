"""What the measured points and the drawn proportions leave out: lips that touch, and the muscles of the neck.

Metres, origin midway between the outer eye corners.
"""

import numpy as np

from partnerface.head.points import INNER_LIPS, LIP_RINGS

#: Space between closed lips: the eye does not see it, and neither surface pierces the other.
LIPS_APART = 0.00002
#: How much of the way each ring of the lips goes along when they are closed, from the edge of the red inwards.
ALONG = (0.15, 0.5, 0.8, 1.0)
HALF = len(INNER_LIPS) // 2

# The sternomastoid runs from the bone behind the ear to the breastbone. Height, outward and depth of its two ends.
MASTOID, STERNUM = np.array([0.058, -0.050, -0.088]), np.array([0.013, -0.205, -0.055])
MUSCLE, MUSCLE_WIDTH = 0.0030, 0.0085
LARYNX, LARYNX_HEIGHT, LARYNX_SIZE = 0.0034, -0.142, np.array([0.0085, 0.0125])
SHOULDER = 0.010  # how far the trapezius stands out at the base of the neck


def close_lips(points: np.ndarray) -> np.ndarray:
    """MediaPipe's points (468, 3) with the lips, which the mean neutral face leaves a little open, brought together."""
    out = points.copy()
    inner = np.array(LIP_RINGS[-1])
    for k in range(1, HALF):
        upper, lower = inner[k], inner[-k]
        meet = (points[upper] + points[lower]) / 2
        apart = np.array([0, LIPS_APART / 2, 0])
        for ring, share in zip(LIP_RINGS, ALONG, strict=True):
            out[ring[k]] += share * (meet + apart - points[upper])
            out[ring[-k]] += share * (meet - apart - points[lower])
    return out


def meet_lips(vertices: np.ndarray, midpoints: dict[tuple[int, int], int]) -> np.ndarray:
    """The subdivided skin with the midpoints of the lips' inner edges laid over each other as their ends are.

    Args:
        vertices: (n, 3).
        midpoints: vertex by the edge (smaller id first) that it halves.
    """
    out = vertices.copy()
    for k in range(HALF):
        pairs = (INNER_LIPS[k], INNER_LIPS[k + 1]), (INNER_LIPS[-k], INNER_LIPS[-k - 1])
        upper, lower = (midpoints[min(pair), max(pair)] for pair in pairs)
        # Beside the mouth's corner both edges begin in it, and the gap opens along them.
        gap = np.array([0, LIPS_APART / 2 * (0.5 if k in (0, HALF - 1) else 1), 0])
        meet = (vertices[upper] + vertices[lower]) / 2
        out[upper], out[lower] = meet + gap, meet - gap
    return out


def neck_relief(vertices: np.ndarray) -> np.ndarray:
    """The skin with the larynx, both sternomastoids and the slope of the shoulders on the neck."""
    x, y, z = vertices.T
    on_neck = np.clip((-0.098 - y) / 0.02, 0, 1) * np.clip((y + 0.215) / 0.02, 0, 1)
    # How far each vertex lies from the muscle's axis, and how far down on it.
    place = np.stack([np.abs(x), y, z], 1) - MASTOID
    axis = STERNUM - MASTOID
    down = np.clip(place @ axis / (axis @ axis), 0, 1)
    # The muscle's axis lies under the skin: measured around the neck, not through it.
    away = np.linalg.norm((place - down[:, None] * axis)[:, [0, 2]], axis=1)
    muscle = MUSCLE * np.exp(-((away / MUSCLE_WIDTH) ** 2)) * np.clip((y + 0.22) / 0.03, 0, 1)
    muscle *= np.clip((-0.070 - y) / 0.03, 0, 1) * (np.linalg.norm([x, z + 0.095], axis=0) > 0.03)
    front = np.clip((z + 0.075) / 0.02, 0, 1) * on_neck
    wide, high = LARYNX_SIZE
    larynx = LARYNX * front * np.exp(-((x / wide) ** 2) - ((y - LARYNX_HEIGHT) / high) ** 2)
    slope = np.clip((-0.135 - y) / 0.07, 0, 1) ** 2 * SHOULDER * np.clip(np.abs(x) / 0.06, 0, 1)
    slope *= np.clip((-0.075 - z) / 0.03, 0, 1)
    outward = np.stack([x, np.zeros_like(x), z + 0.10], 1)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    return vertices + outward * muscle[:, None] + np.stack([np.sign(x) * slope, 0 * x, larynx], 1)
