"""Flicker by hand, and which frames follow each other."""

import numpy as np
import pytest
import torch

from partnerface.evaluation.temporal import flicker, follows


def frame(value: float) -> torch.Tensor:
    return torch.full((3, 4, 5), value, dtype=torch.float64)


def test_flicker_by_hand():
    still = (frame(0.5), frame(0.5))
    assert flicker(still, (frame(0.6), frame(0.4)))(None) == pytest.approx(0.2)
    assert flicker(still, (frame(0.6), frame(0.6)))(None) == 0  # an error that stays is none of its business
    brighter = (frame(0.2), frame(0.5))
    assert flicker(brighter, (frame(0.1), frame(0.4)))(None) == pytest.approx(0, abs=1e-12)
    assert flicker(brighter, still)(None) == pytest.approx(0.3)  # a render that stands still while the truth moves


def test_flicker_in_a_region():
    image = frame(0.5)
    image[0, 1, 2] += 0.3  # one channel of one pixel
    mask = torch.zeros(4, 5, dtype=torch.bool)
    mask[1, 2:4] = True
    score = flicker((frame(0.5), frame(0.5)), (frame(0.5), image))
    assert score(mask) == pytest.approx(0.3 / 6)
    assert score(None) == pytest.approx(0.3 / 60)
    assert score(~mask) == 0


def test_what_follows_in_time():
    seconds = np.array([0, 1, 2, 4, 5, 6, 0, 1]) / 25  # a frame dropped before the fourth, another clip at the seventh
    assert follows(seconds).tolist() == [False, True, True, False, True, True, False, True]
    assert follows(np.arange(4) * 2 / 25).tolist() == [False, True, True, True]  # every second frame was kept
    assert follows(np.zeros(1)).tolist() == [False]
