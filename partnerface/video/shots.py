"""Scene cuts: where one picture has nothing to do with the one before."""

import numpy as np

#: Edge of the small pictures that are compared, px.
EDGE = 32
#: A cut: two pictures correlate less than this, and the step is so many times what is usual near by.
UNLIKE, STANDS_OUT = 0.4, 4.0
#: Frames on either side from which the usual step is taken.
REACH = 6


class CutFinder:
    """Collects how much each frame of a clip differs from the one before."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self.steps: list[float] = []

    def offer(self, image: np.ndarray) -> None:
        """The next frame, (h, w, 3) uint8."""
        import cv2

        small = cv2.resize(image, (EDGE, EDGE), interpolation=cv2.INTER_AREA).astype(np.float32)
        # A pan or a fast head moves edges; a little blur keeps them correlated.
        small = cv2.GaussianBlur(small, (0, 0), 1.0)
        small -= small.mean((0, 1))
        self.steps.append(0.0 if self._last is None else 1 - _correlation(small, self._last))
        self._last = small

    def shots(self) -> np.ndarray:
        """(N,) int: the number of each frame's shot, from 0."""
        return shots_of(np.array(self.steps))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    # Flat pictures correlate with everything alike: the constant stands for noise of one grey level.
    noise = float(a.size)
    return (float((a * b).sum()) + noise) / (float(np.sqrt((a * a).sum() * (b * b).sum())) + noise)


def shots_of(steps: np.ndarray) -> np.ndarray:
    """Number of the shot of each frame.

    Args:
        steps: (N,) 1 - correlation of each frame with the one before, from 0 to 2.
    """
    shot = np.zeros(len(steps), int)
    for k in range(1, len(steps)):
        near = np.concatenate([steps[max(1, k - REACH) : k], steps[k + 1 : k + 1 + REACH]])
        usual = float(np.median(near)) if len(near) else 0.0
        shot[k] = shot[k - 1] + int(steps[k] > UNLIKE and steps[k] > STANDS_OUT * usual)
    return shot
