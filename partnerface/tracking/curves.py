"""What a face does, as curves over time that are taken in the same way from found and from fitted landmarks.

Everything is measured in the picture, along and across the line of the eyes and in units of the face, so that place,
size and tilt of the head and the crop of the frames drop out.
"""

import numpy as np

from partnerface.head import points as marks
from partnerface.head.model import HeadModel
from partnerface.head.posing import posed_landmarks
from partnerface.tracking import scheme

#: Names of the curves, in order; lengths are in units of the face, roll is in radians. Yaw and pitch are what
#: the nose's tip shows of them: how far it lies beside and below the middle of the eyes.
CURVES = ("mouth_opening", "lip_width", "brow_height", "eye_opening", "yaw", "pitch", "roll")
_MOUTH = ((13, 14), (82, 87), (312, 317))
_MOUTH_CORNERS, _NOSE_TIP = (61, 291), 1
#: Width of the low-pass over time, seconds: the amplitude at 5 Hz is 0.73. Trembling is not motion.
LOW_PASS_S = 0.025


def unit_px(model: HeadModel, tracking: dict[str, np.ndarray]) -> np.ndarray:
    """(N,) px: distance of the outer eye corners in each frame as it would be seen from the front.

    Args:
        model: the head that was fitted.
        tracking: the arrays of tracking.npz.
    """
    places = posed_landmarks(model, tracking, points=list(marks.OUTER_EYE_CORNERS))
    apart = np.median(np.linalg.norm(places[:, 0] - places[:, 1], axis=-1))
    return tracking["focal"] * apart / places[..., 2].mean(1).astype(np.float64)


def curves(points: np.ndarray, unit: np.ndarray) -> dict[str, np.ndarray]:
    """Each of `CURVES`, (N,), from landmarks (N, 478, 2 or 3) px and the unit (N,) px."""
    flat = np.asarray(points[..., :2], np.float64)
    right, left = (flat[:, corner] for corner in marks.OUTER_EYE_CORNERS)
    along = left - right
    roll = np.arctan2(along[:, 1], along[:, 0])
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)

    def across(place: np.ndarray, axis: np.ndarray) -> np.ndarray:
        return ((place - (right + left) / 2) * axis).sum(1) / unit

    def apart(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(flat[:, a] - flat[:, b], axis=1) / unit

    brows = flat[:, [*marks.RIGHT_BROW_EDGES[0], *marks.LEFT_BROW_EDGES[0]]].mean(1)
    values = (
        np.mean([apart(*pair) for pair in _MOUTH], axis=0),
        apart(*_MOUTH_CORNERS),
        -across(brows, down),
        scheme.eye_openness(flat).mean(1),
        across(flat[:, _NOSE_TIP], along),
        across(flat[:, _NOSE_TIP], down),
        np.unwrap(roll),
    )
    return dict(zip(CURVES, values, strict=True))


def pieces(found: np.ndarray, time_s: np.ndarray, longest_gap_s: float) -> list[np.ndarray]:
    """Indices of frames with landmarks that follow one another without a longer pause, one array per piece."""
    index = np.flatnonzero(found)
    edges = np.flatnonzero((np.diff(time_s[index]) > longest_gap_s) | (np.diff(index) > 1)) + 1
    return [part for part in np.split(index, edges) if len(part)]


def low_pass(values: np.ndarray, time_s: np.ndarray, width_s: float) -> np.ndarray:
    """Values (n, ...) of frames that follow one another at times (n,), each the Gaussian mean (standard deviation
    `width_s`, up to 4 of them) of those around it."""
    values = np.asarray(values, np.float64)
    first = np.searchsorted(time_s, time_s - 4 * width_s, "left")
    last = np.searchsorted(time_s, time_s + 4 * width_s, "right")
    out = np.empty_like(values)
    for frame, (a, b) in enumerate(zip(first, last, strict=True)):
        share = np.exp(-0.5 * ((time_s[a:b] - time_s[frame]) / width_s) ** 2)
        out[frame] = np.tensordot(share / share.sum(), values[a:b], 1)
    return out
