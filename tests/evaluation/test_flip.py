"""FLIP against the authors' own program (PyPI flip-evaluator 1.7, once) and against values worked out by hand."""

import numpy as np
import pytest
import torch

from partnerface.evaluation.flip import PIXELS_PER_DEGREE, flip, flip_map

HEIGHT, WIDTH = 48, 64
#: Where the maps are compared.
PLACES = ((0, 0), (10, 20), (24, 31), (40, 63))
#: Pair → pixels per degree → mean of the map, and its values at `PLACES`.
THEIRS = {
    "shift": {
        67.0206: (0.32796, (0.96855, 0.22399, 0.38493, 0.43359)),
        30.0: (0.33288, (0.96922, 0.23022, 0.40885, 0.45949)),
    },
    "edge": {
        67.0206: (0.89817, (0.9315, 0.9315, 0.80966, 0.84707)),
        30.0: (0.89412, (0.9315, 0.9315, 0.88202, 0.84706)),
    },
    "tint": {67.0206: (0.23949, (0.23949,) * 4)},
    "wave": {
        67.0206: (0.09004, (0.11361, 0.09319, 0.03092, 0.17533)),
        30.0: (0.24639, (0.1459, 0.2388, 0.1544, 0.41895)),
    },
}
#: What a map in float32 with its own rounding may differ by.
ROUNDING = 6e-5


def pair(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    colours = np.stack([x / 63, y / 47, 0.5 + 0.5 * np.sin(x / 5)], -1)
    edge = np.repeat((x >= 32).astype(float)[..., None], 3, -1)
    one, other = {
        "shift": (colours, np.roll(colours, 2, 1)),
        "edge": (edge, np.full_like(edge, 0.5)),
        "tint": (np.full_like(edge, 0.2), np.tile([0.3, 0.2, 0.1], (HEIGHT, WIDTH, 1))),
        "wave": (colours, np.clip(colours + 0.1 * np.sin(x + 2 * y)[..., None], 0, 1)),
    }[name]
    return as_tensor(one), as_tensor(other)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)


def plain(*rgb: float) -> torch.Tensor:
    return torch.tensor(rgb, dtype=torch.float64).view(3, 1, 1).expand(3, HEIGHT, WIDTH)


@pytest.mark.parametrize(("name", "density"), [(name, density) for name in THEIRS for density in THEIRS[name]])
def test_as_the_authors_program_says(name, density):
    mean, places = THEIRS[name][density]
    values = flip_map(*pair(name), pixels_per_degree=density)
    assert values.shape == (HEIGHT, WIDTH)
    assert float(values.mean()) == pytest.approx(mean, abs=ROUNDING)
    assert [float(values[place]) for place in PLACES] == pytest.approx(places, abs=ROUNDING)


def test_equal_images_do_not_differ():
    image, _ = pair("wave")
    assert flip(image, image)(None) == 0


def test_it_does_not_matter_which_is_the_truth():
    one, other = pair("shift")
    assert torch.equal(flip_map(one, other), flip_map(other, one))


def test_green_and_blue_differ_most():
    assert flip(plain(0, 1, 0), plain(0, 0, 1))(None) == pytest.approx(1, abs=1e-12)


def test_two_greys_by_hand():
    """Plain images have no features and no detail to blur, greys no chroma: what is left is the difference in L*."""

    def lightness(grey: float) -> float:
        return 116 * ((grey + 0.055) / 1.055) ** (2.4 / 3) - 16

    # L*, a*, b* of sRGB's green and blue as colour tables print them, chroma times L* / 100 (Hunt).
    green, blue = np.array([87.735, -86.183, 83.180]), np.array([32.297, 79.188, -107.860])
    green[1:] *= green[0] / 100
    blue[1:] *= blue[0] / 100
    most = (abs(green[0] - blue[0]) + np.hypot(*(green - blue)[1:])) ** 0.7
    error = (lightness(0.5) - lightness(0.4)) ** 0.7
    score = flip(plain(0.4, 0.4, 0.4), plain(0.5, 0.5, 0.5))
    assert score(None) == pytest.approx(0.95 * error / (0.4 * most), rel=1e-3)


def test_a_region_has_the_mean_of_the_whole_images_map():
    one, other = pair("shift")
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[10:20, 5:9] = True
    assert flip(one, other)(mask) == pytest.approx(float(flip_map(one, other)[10:20, 5:9].mean()), abs=1e-12)


def test_a_screen_of_four_thousand_pixels_at_arms_length():
    assert pytest.approx(67.02, abs=5e-3) == PIXELS_PER_DEGREE
