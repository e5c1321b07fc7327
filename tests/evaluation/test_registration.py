"""PSNR after the best shift: on renders that are shifted by known amounts."""

import numpy as np
import pytest
import torch

from partnerface.evaluation.pixel import as_tensor, psnr
from partnerface.evaluation.registration import MOST, best_shift, psnr_shifted, shifted


def picture(x: float = 0.0, y: float = 0.0, size: int = 96) -> torch.Tensor:
    """(3, size, size) blobs, the smallest 2 px wide, moved by x and y px: drawn there, not resampled."""
    rng = np.random.default_rng(4)
    rows, columns = np.mgrid[:size, :size] + 0.5
    image = np.full((3, size, size), 0.4)
    for _ in range(40):
        at = rng.uniform(12, size - 12, 2)
        width, colour = rng.uniform(2, 8), rng.uniform(-0.25, 0.25, 3)
        blob = np.exp(-((columns - at[0] - x) ** 2 + (rows - at[1] - y) ** 2) / (2 * width**2))
        image += colour[:, None, None] * blob
    return torch.from_numpy(image.clip(0, 1))


def test_a_shift_moves_the_picture_to_the_right_and_down():
    off = shifted(picture(), (1.5, -0.75)) - picture(1.5, -0.75)
    # Beyond the border nothing is known; within it the sinc is exact to a thousandth or two.
    assert off[:, 8:-8, 8:-8].abs().max() < 0.002
    assert torch.equal(shifted(picture(), (0.0, 0.0)), picture())
    np.testing.assert_allclose(shifted(picture(), (2.0, 0.0))[:, :, 2:], picture()[:, :, :-2], atol=1e-12)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, 0.0), (-0.3, 0.8), (1.0, -2.0), (3.4, -3.7), (-4.0, 4.0)])
def test_a_known_shift_is_found(shift):
    found = best_shift(picture(), picture(-shift[0], -shift[1]))
    assert found == pytest.approx(shift, abs=0.02)


def test_what_a_known_shift_costs_is_given_back():
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.normal(0, 0.02, (3, 96, 96)))
    truth, render = picture(), picture(2.2, -1.6) + noise
    lost, given = psnr(truth, render)(None), psnr_shifted(truth, render)(None)
    cost = float((picture(2.2, -1.6) - truth).square().mean())
    assert cost > 2 * 0.02**2
    assert lost == pytest.approx(-10 * np.log10(cost + 0.02**2), abs=0.1)
    # What is left is the noise, 34 dB; interpolation takes some of it along.
    assert -20 * np.log10(0.02) - 0.1 < given < -20 * np.log10(0.02) + 3.5
    # The same shift holds for every region.
    mask = torch.zeros(96, 96, dtype=torch.bool)
    mask[30:60, 30:60] = True
    assert psnr_shifted(truth, render)(mask) > psnr(truth, render)(mask) + 2


def test_a_render_in_its_place_gains_next_to_nothing():
    rng = np.random.default_rng(0)
    truth = picture()
    render = truth + torch.from_numpy(rng.normal(0, 0.02, truth.shape))
    assert 0 <= psnr_shifted(truth, render)(None) - psnr(truth, render)(None) < 0.05
    brighter = (truth + 0.1).clamp(max=1)
    assert 0 <= psnr_shifted(truth, brighter)(None) - psnr(truth, brighter)(None) < 0.2


def test_a_shift_beyond_the_search_stays_within_it():
    found = best_shift(picture(), picture(-9.0, 0.0))
    assert max(map(abs, found)) <= MOST


def test_pictures_without_anything_to_hold_on_to():
    plain = torch.full((3, 8, 8), 0.5, dtype=torch.float64)
    assert best_shift(plain, plain) == (0.0, 0.0)
    assert psnr_shifted(plain, plain - 0.1)(None) == pytest.approx(20.0)
    tiny = torch.full((3, 2, 3), 0.5, dtype=torch.float64)
    assert psnr_shifted(tiny, tiny - 0.1)(None) == pytest.approx(20.0)


def test_odd_sizes_and_whole_numbers_of_the_file():
    image = (picture().permute(1, 2, 0).numpy()[:71, :83] * 255).round().astype(np.uint8)
    truth = as_tensor(image)
    render = shifted(truth, (-1.0, 2.0))
    assert best_shift(truth, render) == pytest.approx((1.0, -2.0), abs=0.02)
