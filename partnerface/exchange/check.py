"""Does an imported tracking sit on the face? Its landmarks against landmarks that are found in the pictures.

Where they don't, the usual mistakes are tried one by one, so that the message can name the one that would fit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from partnerface.exchange.axes import FLIP, inverse
from partnerface.exchange.place import Placement, cut_intrinsics, parameters_for
from partnerface.exchange.recording import Recording
from partnerface.head.model import HeadModel
from partnerface.head.points import OUTER_EYE_CORNERS


@dataclass(frozen=True)
class Fit:
    """How well a tracking sits.

    Attributes:
        percent: median over the frames of the mean landmark error, in percent of the distance of the outer eye corners
            as it would be seen from the front; infinite where the face lies behind the camera.
        error_px: (n,) mean landmark error of each frame, px of the stored frames.
    """

    percent: float
    error_px: np.ndarray


def projected(points: np.ndarray, focal: np.ndarray, principal_point: np.ndarray) -> np.ndarray:
    """(N, L, 3) camera space → (N, L, 2) px, with (N, 2) focal lengths and centres; NaN behind the camera."""
    depth = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
    return points[..., :2] / depth * focal[:, None] + principal_point[:, None]


def fit_of(points: np.ndarray, focal: np.ndarray, seen: np.ndarray, found: np.ndarray) -> Fit:
    """Compare landmarks.

    Args:
        points: (n, 478, 3) the head's, camera space.
        focal: (n, 2) px.
        seen: (n, 478, 2) the head's, px.
        found: (n, 478, 2) found in the pictures, px.
    """
    right, left = OUTER_EYE_CORNERS
    width = np.linalg.norm(points[:, left] - points[:, right], axis=1) * focal.mean(1)
    width = width / np.abs((points[:, left, 2] + points[:, right, 2]) / 2)
    error = np.linalg.norm(seen - found, axis=-1).mean(1)
    share = np.where(np.isfinite(error), error / width, np.inf)
    return Fit(float(100 * np.median(share)), error)


def check(recording: Recording, head: HeadModel, place: Placement, index: np.ndarray, found: np.ndarray) -> Fit:
    """How well a recording's tracking sits.

    Args:
        recording, head: with parameters, and the head for them.
        place: how the stored frames are cut.
        index: (n,) frames whose pictures were looked at.
        found: (n, 478, 2) landmarks found there, px of the stored frames.
    """
    import torch

    from partnerface.head.posing import posed_landmarks

    some = recording.take(index)
    points = posed_landmarks(head, parameters_for(some, head)[0], dtype=torch.float64)
    focal, centre = cut_intrinsics(some.K, place.boxes[index], place.size)
    return fit_of(points, focal, projected(points, focal, centre), found)


def alternatives(mirror: np.ndarray) -> dict[str, Callable[[Recording], Recording] | np.ndarray]:
    """What may have gone wrong on the way, in words that go on from "it would fit with", and how to make it.

    Args:
        mirror: (478,) index of each landmark's mirror image.
    """

    def camera(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Recording], Recording]:
        return lambda recording: replace(recording, w2c=change(recording.w2c))

    def scaled(factor: float) -> Callable[[np.ndarray], np.ndarray]:
        return lambda w2c: np.concatenate([w2c[..., :3], w2c[..., 3:] * np.array([[factor]] * 3 + [[1.0]])], -1)

    def zoomed(factor: float) -> Callable[[Recording], Recording]:
        return lambda recording: replace(recording, K=recording.K * np.array([[factor], [factor], [1.0]]))

    def later(frames: int) -> Callable[[Recording], Recording]:
        def moved(recording: Recording) -> Recording:
            index = np.clip(np.arange(len(recording)) + frames, 0, len(recording) - 1)
            return replace(recording.take(index), K=recording.K)

        return moved

    return {
        "the camera's y and z axes turned round (OpenGL's for OpenCV's)": camera(lambda w2c: FLIP @ w2c),
        "the world's y and z axes turned round": camera(lambda w2c: w2c @ FLIP),
        "world-to-camera and camera-to-world exchanged": camera(inverse),
        "both: matrices exchanged, and y and z turned round": camera(lambda w2c: FLIP @ inverse(w2c)),
        "lengths divided by 4 (an unscaled head)": camera(scaled(0.25)),
        "lengths multiplied by 4 (a head scaled by 4)": camera(scaled(4.0)),
        "codes of the next picture (names counted from 1 and from 0)": later(1),
        "codes of the picture before (names counted from 1 and from 0)": later(-1),
        "intrinsics of pictures twice as large": zoomed(2.0),
        "intrinsics of pictures half as large": zoomed(0.5),
        "x mirrored (the sign of the focal length)": np.arange(len(mirror)),
        "the pictures mirrored left to right": mirror,
    }


def tried(
    recording: Recording, head: HeadModel, place: Placement, index: np.ndarray, found: np.ndarray, mirror: np.ndarray
) -> Iterator[tuple[str, float]]:
    """Each alternative and the error that it would leave, in percent; arguments as for `check`."""
    for words, change in alternatives(mirror).items():
        if isinstance(change, np.ndarray):
            other = found[:, change].copy()
            other[..., 0] = place.size - other[..., 0]
            yield words, check(recording, head, place, index, other).percent
        else:
            # The pictures stay as they were cut; only what is projected into them changes.
            yield words, check(change(recording), head, place, index, found).percent


def verdict(
    recording: Recording,
    head: HeadModel,
    place: Placement,
    index: np.ndarray,
    found: np.ndarray,
    mirror: np.ndarray,
    bound: float,
) -> str:
    """What a tracking that does not sit would need, as the end of a sentence."""
    options = tried(recording, head, place, index, found, mirror)
    percent, words = min((percent, words) for words, percent in options)
    if percent <= bound:
        return f"it would fit ({percent:.1f} %) with {words}"
    return f"no usual mistake explains it (nearest: {words}, {percent:.1f} %); are these the pictures of this tracking?"
