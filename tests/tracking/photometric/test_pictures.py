"""Sampling: where pixel centres lie, what a ramp's slope is, and how frames are shrunk."""

import numpy as np
import pytest
import torch

from partnerface.tracking.photometric.pictures import WORKING_SIZE, gradient, logarithms, sample


def test_samples_hit_pixel_centres_and_lie_between_them():
    image = torch.arange(20.0).reshape(1, 4, 5)
    where = torch.tensor([[[0.5, 0.5], [4.5, 3.5], [1.0, 0.5], [2.5, 1.0]]])
    torch.testing.assert_close(sample(image, where), torch.tensor([[0.0, 19.0, 0.5, 4.5]]))


def test_the_gradient_of_a_ramp_is_its_slope():
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    slope = gradient((0.3 * x - 0.2 * y)[None], torch.tensor([[[7.3, 8.1], [20.0, 11.5]]]))
    torch.testing.assert_close(slope, torch.tensor([0.3, -0.2]).expand(1, 2, 2), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("eye", "scale"), [(40.0, 1.0), (2 * WORKING_SIZE, 0.5)])
def test_frames_are_shrunk_to_the_working_size_and_never_enlarged(eye, scale):
    images, factor = logarithms(np.full((2, 64, 64, 3), 128, np.uint8), eye)
    assert images.shape == (2, 64 * scale, 64 * scale)
    assert factor == scale
    assert float(images[0, 5, 5]) == pytest.approx(np.log(128 / 255 + 0.05), abs=1e-3)


def test_twice_the_light_is_one_step_up_everywhere():
    """A gain is a shift of the logarithm, but for what is so dark that noise would be amplified."""
    frame = np.random.default_rng(0).integers(60, 120, (1, 40, 40, 3), dtype=np.uint8)
    once, twice = (logarithms(np.minimum(k * frame.astype(int), 255).astype(np.uint8), 80.0)[0].float() for k in (1, 2))
    step = twice - once
    assert step.mean() == pytest.approx(np.log(2), abs=0.1)
    assert step.std() < 0.02
