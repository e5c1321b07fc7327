"""The collar: one steady cut that parts cloth from neck and hair."""

import itertools

import numpy as np
import pytest

from partnerface.parsing.collar import (
    STEP_COST,
    Layer,
    below_cut,
    best_rows,
    hangs,
    lay,
    learn_cut,
    lowest_cut,
)
from partnerface.parsing.colours import ColourModel, to_lab
from partnerface.parsing.neck import CELL, NeckFrames, NeckFront, grid

pytest.importorskip("cv2")

SKIN, CLOTH, HAIR, WALL = (200, 150, 125), (40, 60, 120), (45, 32, 25), (210, 210, 205)


def neck(places: tuple[tuple[float, float], ...] = ((160.0, 120.0),), lean: float = 0.0) -> NeckFrames:
    """A flat neck that rides on the torso, 1000 px per metre, the chin at the places (px), leaning to the right."""
    shape = tuple(len(axis) for axis in grid())[::-1]
    bone = np.array([[np.cos(lean), np.sin(lean), 0, 0], [np.sin(lean), -np.cos(lean), 0, 0], [0, 0, 1, 1]])
    bones = np.tile(bone, (len(places), 2, 1, 1))
    return NeckFrames(
        NeckFront(0.0, np.zeros(shape), np.ones(shape)), bones, np.full(len(places), 1000.0), np.array(places)
    )


def painted(collar_m: float, hair: bool = False, noise: int = 4, seed: int = 0) -> Layer:
    """A head with a neck 9 cm wide over a dress that begins `collar_m` below the chin; perhaps with long hair."""
    u, v = grid()
    rng = np.random.default_rng(seed)
    image = np.tile(np.array(WALL, np.int64), (len(v), len(u), 1))
    across, along = np.meshgrid(u, v)
    neck, face = np.abs(across) < 0.045, (np.abs(across) < 0.06) & (along > -0.005)
    image[neck | face] = SKIN
    person = neck | face
    strands = (np.abs(across) > 0.05) & (np.abs(across) < 0.09) & ~face & hair
    image[strands] = HAIR
    person |= strands
    dress = along < -collar_m - 0.3 * np.maximum(0, np.abs(across) - 0.045)
    dress &= ~strands
    image[dress] = CLOTH
    person |= dress
    noisy = np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)
    seen = np.ones(person.shape, bool)
    seen[v < -0.15] = False
    return Layer(to_lab(noisy), person.astype(np.float32) * seen, face.astype(np.float32), seen)


def samples(colour: tuple[int, int, int], count: int = 500) -> np.ndarray:
    rng = np.random.default_rng(1)
    return to_lab(np.clip(np.array(colour) + rng.normal(0, 6, (count, 1, 3)), 0, 255).astype(np.uint8))[:, 0]


@pytest.mark.parametrize("collar", [0.02, 0.04, 0.06])
def test_the_cut_lies_just_above_the_cloth(collar: float) -> None:
    cut = learn_cut([painted(collar, seed=k) for k in range(6)], samples(SKIN), samples(HAIR))
    u, _ = grid()
    middle = cut[np.abs(u) < 0.02]
    assert (middle > -collar).all()  # no cloth is left
    assert (middle < -collar + 0.03).all()  # and not much neck is lost
    shoulders = (np.abs(u) > 0.06) & (np.abs(u) < 0.12)
    assert (cut[shoulders] > -collar - 0.3 * (np.abs(u[shoulders]) - 0.045)).all()


def test_without_cloth_the_cut_is_the_lowest() -> None:
    cut = learn_cut([painted(0.5, seed=k) for k in range(4)], samples(SKIN), samples(HAIR))
    u, _ = grid()
    inner = np.abs(u) < 0.03
    np.testing.assert_allclose(cut[inner], lowest_cut(u)[inner], atol=0.02)
    assert (cut >= lowest_cut(u)).all()


def test_long_hair_beside_the_neck_is_not_cloth() -> None:
    u, _ = grid()
    beside = (np.abs(u) > 0.055) & (np.abs(u) < 0.085)
    cut = learn_cut([painted(0.06, hair=True, seed=k) for k in range(6)], samples(SKIN), samples(HAIR))
    assert (cut[beside] < -0.01).all()


def test_a_few_odd_frames_do_not_move_the_cut() -> None:
    layers = [painted(0.06, seed=k) for k in range(12)]
    calm = learn_cut(layers, samples(SKIN), samples(HAIR))
    layers[3] = painted(0.0, seed=3)
    moved = learn_cut(layers, samples(SKIN), samples(HAIR))
    u, _ = grid()
    assert np.abs(moved - calm)[np.abs(u) < 0.12].max() < 0.012


def test_the_path_is_the_cheapest_of_all() -> None:
    rng = np.random.default_rng(0)
    evidence = rng.normal(size=(4, 5))

    def cost(rows: tuple[int, ...]) -> float:
        out = sum(evidence[:r, c].sum() - evidence[r:, c].sum() for c, r in enumerate(rows))
        return out + STEP_COST * sum(abs(a - b) for a, b in itertools.pairwise(rows))

    best = min(itertools.product(range(5), repeat=5), key=cost)
    assert cost(tuple(best_rows(evidence).tolist())) == pytest.approx(cost(best))


def test_what_hangs_reaches_the_top() -> None:
    body = np.zeros((6, 7), bool)
    body[:, 1] = True  # a strand from the top
    body[3:, 4:6] = True  # a shoulder
    found = hangs(body, np.zeros_like(body))
    assert found[:, 1].all()
    assert not found[:, 4:].any()


def test_below_the_cut() -> None:
    u, _ = grid()
    cut = np.full(len(u), -0.05)
    mask = below_cut(cut, neck(), 0, 240, 320)
    # 5 cm at 1000 px per metre below a chin at row 120.
    assert mask[:169].max() == 0
    assert mask[171:].min() == 1
    # And it goes on beyond the ends of the curve.
    assert mask[171:, [0, -1]].min() == 1
    mask = below_cut(cut, neck(lean=0.3), 0, 240, 320)
    # The torso leans to the right, so its left side is lower there than its right side in the picture.
    columns = (mask > 0.5).argmax(0)
    assert np.polyfit(np.arange(100, 220), columns[100:220], 1)[0] == pytest.approx(np.tan(0.3), abs=0.02)


def test_the_cut_moves_with_the_neck() -> None:
    u, _ = grid()
    cut = -0.05 + 0.1 * np.abs(u)
    frames = neck(((160.0, 120.0), (171.0, 113.0)))
    first, second = (below_cut(cut, frames, k, 240, 320) for k in range(2))
    np.testing.assert_allclose(second[20:200, 40:300], first[27:207, 29:289], atol=0.01)


def test_a_frame_is_laid_where_it_belongs() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:140, 150:170] = 255  # 2 cm right and left of the chin, 2 cm above and below
    layer = lay(image, image[..., 0] / np.float32(255), np.zeros((24, 32), np.float32), neck(), 0)
    u, v = grid()
    white = layer.lab[..., 0] > 53.4  # L of sRGB 0.5
    assert np.abs(u[white.any(0)]).max() == pytest.approx(0.01, abs=CELL)
    assert np.abs(v[white.any(1)]).max() == pytest.approx(0.02, abs=CELL)
    assert ((layer.person > 0.5) != white).sum() <= 8  # cells that are half white
    # The picture ends 12 cm below the chin.
    assert not layer.inside[v < -0.125].any()
    assert layer.inside[(v > -0.11)][:, np.abs(u) < 0.15].all()


def test_the_cut_bends_between_torso_and_head() -> None:
    """The torso stays, the head moves 2 cm to the right: of the neck each height goes its share of the way."""
    frames = neck()
    u, v = grid()
    torso = np.tile(np.clip(-v / 0.1, 0, 1)[:, None], (1, len(u)))
    bones = frames.bones.copy()
    bones[0, 1, 0, 3] = 0.02
    bent = NeckFrames(NeckFront(0.0, 0 * torso, torso), bones, frames.focal, frames.centre)
    places = np.array([[0.0, 0.02], [0.0, -0.025], [0.0, -0.05], [0.0, -0.15]])
    moved = bent.pixels(0, places) - frames.pixels(0, places)
    np.testing.assert_allclose(moved, [[20, 0], [15, 0], [10, 0], [0, 0]], atol=1e-6)


def test_colours_near_and_far() -> None:
    model = ColourModel(samples(SKIN))
    near, far = samples(SKIN, 5), samples(CLOTH, 5)
    assert (model.distance(near) < 3).all()
    assert (model.distance(far) > 6).all()
    assert model.log_likelihood(near).min() > model.log_likelihood(far).max()
    again = ColourModel(samples(SKIN))
    np.testing.assert_array_equal(model.centres, again.centres)
