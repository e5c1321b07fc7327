"""What pairs of frames show and single ones do not: changes that the truth does not make."""

import numpy as np
from torch import Tensor

from partnerface.evaluation.pixel import Score, masked_mean


def flicker(truth: tuple[Tensor, Tensor], image: tuple[Tensor, Tensor]) -> Score:
    """Temporal flicker: mean of |(render' - render) - (truth' - truth)| over the pixels and channels of a region.

    An error that stays the same from one frame to the next costs nothing, one that comes and goes does. 0 where the
    render changes as the truth does.

    Args:
        truth, image: a frame and the next one, (3, H, W) each, in [0, 1].
    """
    error = ((image[1] - image[0]) - (truth[1] - truth[0])).abs()
    return lambda mask: masked_mean(error, mask)


def follows(time_s: np.ndarray) -> np.ndarray:
    """Of each frame of a dataset, (N,) bool, whether it shows what comes next after the frame before it.

    It does where the time between them is less than 1.5 times the dataset's usual time from frame to frame, so that a
    dropped frame, a cut or another clip breaks the sequence, and a lower frame rate does not.
    """
    steps = np.diff(np.asarray(time_s, np.float64))
    if not len(steps):
        return np.zeros(len(time_s), bool)
    return np.concatenate([[False], (steps > 0) & (steps < 1.5 * np.median(steps))])
