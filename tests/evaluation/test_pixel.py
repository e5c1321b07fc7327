"""PSNR and L1 against numbers worked out by hand and against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from partnerface.evaluation.pixel import as_tensor, l1, psnr


@pytest.fixture
def pair():
    """A 2 x 2 grey image that is wrong by 0.1 in one pixel and by 0.3 in another."""
    truth = torch.full((3, 2, 2), 0.5, dtype=torch.float64)
    image = truth.clone()
    image[:, 0, 0] += 0.1
    image[:, 1, 1] -= 0.3
    return truth, image


def test_l1_by_hand(pair):
    score = l1(*pair)
    assert score(None) == pytest.approx(0.4 / 4)
    assert score(torch.tensor([[True, False], [True, False]])) == pytest.approx(0.1 / 2)


def test_psnr_by_hand(pair):
    score = psnr(*pair)
    assert score(None) == pytest.approx(-10 * np.log10((0.01 + 0.09) / 4))  # 16.02 dB
    assert score(torch.tensor([[True, False], [False, False]])) == pytest.approx(20.0)
    assert score(torch.tensor([[False, True], [True, False]])) == 100.0


def test_psnr_divides_by_the_mask_and_not_by_the_image(pair):
    """A quarter of the image: 6.02 dB less than when the same error is divided by the image's area."""
    truth, image = pair
    mask = torch.tensor([[True, False], [False, False]])
    image = torch.where(mask, image, truth)
    score = psnr(truth, image)
    assert score(None) - score(mask) == pytest.approx(10 * np.log10(4))


def test_psnr_like_skimage():
    rng = np.random.default_rng(0)
    truth, image = rng.integers(0, 256, (2, 20, 30, 3), np.uint8)
    ours = psnr(as_tensor(truth), as_tensor(image))(None)
    assert ours == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=255), abs=1e-9)


def test_as_tensor():
    image = np.zeros((2, 3, 3), np.uint8)
    image[1, 2] = (255, 51, 0)
    tensor = as_tensor(image)
    assert tensor.shape == (3, 2, 3)
    assert tensor.dtype == torch.float64
    assert tensor[:, 1, 2].tolist() == [1.0, 0.2, 0.0]
