"""Pictures: straight alpha, and squares about pixel corners."""

import numpy as np
import pytest
from PIL import Image

from partnerface.errors import InputError
from partnerface.exchange.pictures import cut, load, load_mask, over_white


def test_alpha_is_straight(tmp_path):
    pixels = np.array([[[200, 100, 0, 128], [200, 100, 0, 0], [200, 100, 0, 255]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    rgb, alpha = load(tmp_path / "a.png", (3, 1))
    assert alpha is not None
    np.testing.assert_array_equal(rgb, pixels[..., :3])
    share = 128 / 255
    expected = [[200 * share + 255 * (1 - share), 100 * share + 255 * (1 - share), 255 * (1 - share)]]
    np.testing.assert_allclose(over_white(rgb, alpha)[0], [*np.round(expected), [255] * 3, [200, 100, 0]])


def test_a_whole_square_is_copied():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(cut(image, np.array([5.0, 0, 25, 20]), 20), image[:, 5:25])


def test_beyond_the_edge_is_white():
    image = np.zeros((10, 10, 3), np.uint8)
    out = cut(image, np.array([-2.0, 3, 8, 13]), 10)
    assert (out[:, :2] == 255).all()
    assert (out[7:] == 255).all()
    assert (out[:7, 2:] == 0).all()
    assert cut(image[..., 0], np.array([-2.0, 0, 8, 10]), 10, beyond=0).max() == 0


def test_resizing_keeps_places():
    """A ramp's value at a place of the picture is found at the same place of the cut."""
    ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))
    out = cut(ramp, np.array([10.5, 20.0, 70.5, 80.0]), 30).astype(float)
    centres = 10.5 + (np.arange(30) + 0.5) * 2  # px of the picture; pixel p has its centre, and value p, at p + 0.5
    np.testing.assert_allclose(out[15, 2:-2], (centres - 0.5)[2:-2], atol=0.51)


def test_what_is_no_picture(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    for read in (load, load_mask):
        with pytest.raises(InputError, match=r"a\.png is no PNG or JPEG"):
            read(tmp_path / "a.png", (3, 3))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(InputError, match="has 4 x 4 px, the first picture 3 x 3"):
        load(tmp_path / "b.png", (3, 3))
    assert load_mask(tmp_path / "b.png", (8, 8)).shape == (8, 8)
