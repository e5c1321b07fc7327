"""SSIM against scikit-image and by hand; MS-SSIM against scipy's filters and by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from skimage.metrics import structural_similarity

from partnerface.errors import InputError
from partnerface.evaluation.structural import SCALE_WEIGHTS, ms_ssim, scale_count, similarity_maps, ssim


def random_pair(height: int, width: int, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(height)
    truth = rng.random((height, width, channels))
    for axis in (0, 1):  # some structure on all scales
        truth = correlate1d(truth, np.ones(9) / 9, axis=axis) + 0.3 * truth
    truth = np.clip(truth, 0, 1)
    return truth, np.clip(truth + rng.normal(0, 0.05, truth.shape), 0, 1)


def tensors(*images: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(image).permute(2, 0, 1) for image in images]


def test_ssim_like_skimage():
    truth, image = random_pair(41, 60)
    settings = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = structural_similarity(truth, image, channel_axis=2, **settings)
    their_map = structural_similarity(truth, image, channel_axis=2, full=True, **settings)[1]
    assert ssim(*tensors(truth, image))(None) == pytest.approx(theirs, abs=1e-10)
    ours, _ = similarity_maps(*tensors(truth, image))
    np.testing.assert_allclose(ours.permute(1, 2, 0), their_map[5:-5, 5:-5], atol=1e-10)


def test_ssim_of_flat_images_by_hand():
    """Without variance only the luminance is left: (2 a b + C1) / (a² + b² + C1)."""
    truth, image = torch.full((3, 16, 16), 0.5).double(), torch.full((3, 16, 16), 0.7).double()
    assert ssim(truth, image)(None) == pytest.approx((2 * 0.35 + 1e-4) / (0.25 + 0.49 + 1e-4))
    assert ssim(truth, truth)(None) == pytest.approx(1)


def test_ssim_region_is_the_mean_of_the_map_there():
    truth, image = tensors(*random_pair(30, 30))
    mask = torch.zeros(30, 30, dtype=torch.bool)
    mask[7, 9] = mask[0, 0] = True  # (0, 0) has no window inside the image
    similarity, _ = similarity_maps(truth, image)
    assert ssim(truth, image)(mask) == pytest.approx(float(similarity[:, 2, 4].mean()))
    assert ssim(truth, image)(torch.ones(30, 30, dtype=torch.bool)) == pytest.approx(ssim(truth, image)(None))


def test_ssim_of_too_small_an_image_says_how_to_mend_it():
    with pytest.raises(InputError, match=r"11 px, these have 20 x 10; raise `size`"):
        ssim(torch.zeros(3, 10, 20).double(), torch.zeros(3, 10, 20).double())
    with pytest.raises(InputError, match="11 px"):
        ms_ssim(torch.zeros(3, 10, 20).double(), torch.zeros(3, 10, 20).double())


@pytest.mark.parametrize(
    ("size", "scales"), [(512, 5), (176, 5), (175, 4), (88, 4), (44, 3), (22, 2), (21, 1), (11, 1), (10, 0)]
)
def test_scale_count(size, scales):
    assert scale_count(size, 600) == scales


def their_ms_ssim(truth: np.ndarray, image: np.ndarray, scales: int, share: np.ndarray | None) -> float:
    """The same definition with scipy's filters, one channel at a time."""
    x = np.arange(-5, 6)
    kernel = np.exp(-(x**2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def blur(values):
        out = correlate1d(correlate1d(values, kernel, axis=0, mode="mirror"), kernel, axis=1, mode="mirror")
        return out[5:-5, 5:-5] if share is None else out

    def half(values):
        height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
        values = values[:height, :width]
        return (values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]) / 4

    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    results = []
    for channel in range(truth.shape[2]):
        t, i, result, weight_map = truth[..., channel], image[..., channel], 1.0, share
        for scale, exponent in enumerate(weights):
            mt, mi = blur(t), blur(i)
            values = (2 * (blur(t * i) - mt * mi) + 9e-4) / (blur(t * t) - mt**2 + blur(i * i) - mi**2 + 9e-4)
            if scale == scales - 1:
                values = values * (2 * mt * mi + 1e-4) / (mt**2 + mi**2 + 1e-4)
            result *= max(np.average(values, weights=weight_map), 0) ** exponent
            t, i, weight_map = half(t), half(i), None if share is None else half(weight_map)
        results.append(result)
    return float(np.mean(results))


@pytest.mark.parametrize(("height", "width", "scales"), [(180, 200, 5), (61, 47, 3), (12, 15, 1)])
def test_ms_ssim_like_scipy(height, width, scales):
    truth, image = random_pair(height, width)
    assert ms_ssim(*tensors(truth, image))(None) == pytest.approx(their_ms_ssim(truth, image, scales, None), abs=1e-10)
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height // 2, width // 4 : width // 2] = True
    theirs = their_ms_ssim(truth, image, scales, mask.astype(float))
    assert ms_ssim(*tensors(truth, image))(torch.from_numpy(mask)) == pytest.approx(theirs, abs=1e-10)


def test_ms_ssim_of_flat_images_by_hand():
    """Only the luminance of the coarsest scale counts, with that scale's weight."""
    truth, image = torch.full((3, 176, 176), 0.5).double(), torch.full((3, 176, 176), 0.7).double()
    luminance = (2 * 0.35 + 1e-4) / (0.25 + 0.49 + 1e-4)
    assert ms_ssim(truth, image)(None) == pytest.approx(luminance ** (0.1333 / sum(SCALE_WEIGHTS)))


def test_ms_ssim_of_a_negative_is_zero_and_not_nan():
    truth = torch.from_numpy(random_pair(64, 64, 1)[0]).permute(2, 0, 1)
    assert ms_ssim(truth, 1 - truth)(None) == 0.0
