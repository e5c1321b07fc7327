"""Alpha: steady in time, along the picture's edges, one piece; policies and compositing."""

import numpy as np
import pytest

from partnerface.conventions import CLASS_NAMES
from partnerface.parsing.compose import compose
from partnerface.parsing.edges import refine
from partnerface.parsing.matte import carry, fill_face, flicker, keep_head, piece_of, similarity, steady
from partnerface.parsing.policy import policy_alpha

cv2 = pytest.importorskip("cv2")


def disc(x: float, y: float, radius: float = 30, size: int = 128) -> np.ndarray:
    """An antialiased disc around (x, y), pixel centres at +0.5."""
    row, column = np.mgrid[0:size, 0:size] + 0.5
    return np.clip(radius + 0.5 - np.hypot(column - x, row - y), 0, 1).astype(np.float32)


def bytes_of(alpha: np.ndarray) -> np.ndarray:
    return np.round(255 * alpha).astype(np.uint8)


def test_similarity_by_hand() -> None:
    points = np.array([[0.0, 0], [1, 0], [0, 1], [2, 3]])
    turn = 1.5 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    matrix = similarity(points, points @ turn.T + [3, -2])
    np.testing.assert_allclose(matrix, np.column_stack([turn, [3, -2]]), atol=1e-12)


def test_a_mask_is_carried_with_the_head() -> None:
    points = np.random.default_rng(0).uniform(30, 90, (20, 2))
    moved = carry(disc(60, 60), points, points + np.array([5.5, -3.25]))
    assert np.abs(moved - disc(65.5, 56.75)).max() < 0.3
    assert np.abs(moved - disc(65.5, 56.75)).mean() < 0.004


def test_steadying_averages_noise_and_not_motion() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(30, 90, (20, 2))
    masks = [disc(60 + 4 * k, 60) + rng.normal(0, 0.1, (128, 128)).astype(np.float32) for k in (0, -1, 1)]
    out = steady(masks, [points + np.array([4 * k, 0]) for k in (0, -1, 1)], 0.25)
    truth = disc(60, 60)
    assert np.abs(out - truth)[20:108, 20:108].mean() < 0.75 * np.abs(masks[0] - truth)[20:108, 20:108].mean()
    assert np.abs(out - truth).mean() < 0.08


def edge_picture(front: tuple, back: tuple, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A disc of one colour on another with some texture, its true alpha, and a coarse mask: blurred and shifted."""
    rng = np.random.default_rng(0)
    truth = disc(160, 160, 90, 320)
    image = truth[..., None] * front + (1 - truth[..., None]) * back
    texture = noise * cv2.GaussianBlur(rng.normal(0, 1, image.shape), (0, 0), 1.5)
    return (
        np.clip(image + texture, 0, 255).astype(np.uint8),
        truth,
        cv2.GaussianBlur(disc(161, 160, 90.5, 320), (0, 0), 2),
    )


@pytest.mark.parametrize(("noise", "gain"), [(0, 10), (20, 5)])
def test_the_edge_follows_the_picture(noise: float, gain: float) -> None:
    image, truth, coarse = edge_picture((30, 20, 10), (220, 210, 200), noise)
    refined = refine(image, coarse)
    assert np.abs(refined - truth).mean() < np.abs(coarse - truth).mean() / gain
    assert refined[160, 160] == 1
    assert refined[5, 5] == 0


def test_where_colours_do_not_tell_the_coarse_mask_stays() -> None:
    image, _, coarse = edge_picture((120, 110, 100), (122, 111, 100), 10)
    refined, expected = refine(image, coarse), np.clip(2 * coarse - 0.5, 0, 1)
    # The outline stays within half a pixel, and is about as soft: it is drawn on a smaller picture.
    length = 2 * np.pi * 90.5
    assert np.abs(refined - expected).sum() / length < 0.5
    assert ((refined > 0.05) & (refined < 0.95)).sum() < 2 * ((expected > 0.05) & (expected < 0.95)).sum()


def test_grey_pictures_have_edges_too() -> None:
    """One colour alone leaves the covariance of three without an inverse, but for the penalty."""
    image, truth, coarse = edge_picture((30, 30, 30), (220, 220, 220), 0)
    refined = refine(image, coarse)
    assert np.isfinite(refined).all()
    assert np.abs(refined - truth).mean() < np.abs(coarse - truth).mean() / 5


def test_the_mask_may_have_any_size() -> None:
    image, truth, coarse = edge_picture((30, 20, 10), (220, 210, 200), 0)
    for edge in (64, 256, 500):
        small = cv2.resize(coarse, (edge, edge), interpolation=cv2.INTER_AREA)
        assert np.abs(refine(image, small) - truth).mean() < np.abs(coarse - truth).mean() / 4


def test_a_sharp_mask_stays() -> None:
    image = np.full((64, 64, 3), 100, np.uint8)
    assert (refine(image, np.ones((64, 64), np.float32)) == 1).all()
    assert (refine(image, np.zeros((64, 64), np.float32)) == 0).all()


def test_glasses_leave_no_hole_in_the_face() -> None:
    alpha = disc(64, 64, 40)
    alpha[60:66, 55:70] = 0.2
    face = cv2.resize(disc(64, 64, 35), (64, 64))
    filled = fill_face(bytes_of(alpha), face)
    assert filled[60:66, 55:70].min() > 242
    # Outside the face nothing is added.
    assert filled[disc(64, 64, 40) < 0.01].max() == 0


def test_patches_of_background_go() -> None:
    alpha = bytes_of(np.maximum(disc(50, 64, 25), 0.8 * disc(110, 20, 10)))
    kept = keep_head(alpha, bytes_of(disc(50, 64, 10) > 0.5))
    assert kept[10:30, 100:120].max() == 0
    np.testing.assert_array_equal(kept[30:100, 20:80], np.where(alpha >= 0.03 * 255, alpha, 0)[30:100, 20:80])


def test_pieces() -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[1:3, 1:3] = mask[6:9, 6:9] = 255
    seed = np.zeros_like(mask)
    seed[1, 1] = 255
    assert (piece_of(mask, seed) > 0).sum() == 4
    assert (piece_of(mask, np.zeros_like(mask)) > 0).sum() == 9  # the largest where the seed is nowhere
    alone = np.zeros_like(mask)
    alone[4, 0] = 255
    assert (piece_of(mask, alone) > 0).sum() == 9  # and where it meets nothing
    bridge = seed.copy()
    bridge[1, 1:8] = bridge[1:7, 7] = 255
    assert (piece_of(mask, bridge) > 0).sum() == 13
    assert piece_of(np.zeros_like(mask), seed).sum() == 0
    mask[3, 3] = 255  # corners connect
    assert (piece_of(mask, seed) > 0).sum() == 5


def test_flicker_is_the_displacement_of_the_outline() -> None:
    points = np.random.default_rng(0).uniform(30, 90, (20, 2))

    def trembling(before: np.ndarray, after: np.ndarray, shift: float = 0) -> float:
        return flicker(bytes_of(before), bytes_of(after), points, points + np.array([shift, 0]))

    assert trembling(disc(60, 60), disc(64, 60), 4) < 0.1
    grown = trembling(disc(60, 60, 30), disc(64, 60, 32), 4)
    assert grown == pytest.approx(2.0, rel=0.1)
    # A softer outline that moves as far trembles as much.
    soft = [cv2.GaussianBlur(disc(60, 60, radius), (0, 0), 3) for radius in (30, 32)]
    assert trembling(soft[0], soft[1]) == pytest.approx(2.0, rel=0.15)
    assert trembling(np.zeros((9, 9)), np.zeros((9, 9))) == 0


def classes_of(name_by_mask: dict[str, np.ndarray]) -> np.ndarray:
    out = np.zeros((64, 64), np.uint8)
    for name, mask in name_by_mask.items():
        out[mask] = CLASS_NAMES.index(name)
    return out


def test_policies_keep_what_they_name() -> None:
    rows = np.arange(64)[:, None] * np.ones(64, int)
    person = np.ones((64, 64), bool)
    person[:, :8] = False
    classes = classes_of(
        {"skin": person & (rows < 30), "neck": person & (rows >= 30) & (rows < 45), "cloth": person & (rows >= 45)}
    )
    alpha = (person * 255).astype(np.uint8)
    alpha[:, 8] = 128  # a soft outline
    with_neck, head, full = (policy_alpha(alpha, classes, policy) / 255 for policy in ("head+neck", "head", "full"))
    assert with_neck[:42, 9:].min() > 0.99
    assert with_neck[48:].max() < 0.01
    assert head[33:].max() < 0.01
    assert head[:27, 9:].min() > 0.99
    # Outlines against the background stay as they are; the cut is one to two pixels wide.
    np.testing.assert_allclose(with_neck[:40, 8], 128 / 255, atol=1e-3)
    assert ((with_neck[:, 30] > 0.05) & (with_neck[:, 30] < 0.95)).sum() in (2, 3, 4)
    np.testing.assert_array_equal(np.round(full * 255), alpha)


def test_nothing_of_the_masked_bleeds_into_an_edge() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :31] = (0, 255, 0)  # a loud background that is masked out
    image[:, 31:] = (120, 80, 60)
    alpha = np.zeros((64, 64), np.float32)
    alpha[:, 31:] = 1
    classes = np.full((64, 64), CLASS_NAMES.index("skin"), np.uint8)
    rgb, small, labels = compose(image, alpha, classes, np.ones(3, np.float32), 32)
    assert rgb.shape == (32, 32, 3)
    assert (small[:, 15] == 128).all()
    np.testing.assert_allclose(rgb[:, 15], np.tile((np.array([120, 80, 60]) + 255) / 2, (32, 1)), atol=1)
    assert (rgb[:, :15] == 255).all()
    assert (labels[:, :15] == 0).all()
    assert (labels[:, 15:] == CLASS_NAMES.index("skin")).all()


def test_no_change_of_size_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
    rgb, small, _ = compose(image, np.ones((32, 32), np.float32), np.ones((32, 32), np.uint8), np.zeros(3), 32)
    np.testing.assert_array_equal(rgb, image)
    assert (small == 255).all()
