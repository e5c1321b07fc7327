"""Pictures of a scene: bands, camera, orbit, parts."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from partnerface.viewing import scene as scene_module
from partnerface.viewing.scene import Scene, jpeg, muted, part_colours
from partnerface.viewing.subject import load_clip, load_subject
from partnerface.viewing.wish import View, Wish
from tests.viewing.toy import PARTS, write_toy

SMALL = 48


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    run = write_toy(tmp_path_factory.mktemp("scene") / "me")
    subject = load_subject(run)
    return Scene(subject, load_clip(run.parent, subject))


def painted(scene, **values):
    picture = scene.paint(Wish("a", SMALL, **values))
    assert picture is not None
    return picture


def head_middle(picture):
    """(x, y) px of the middle of what is not white."""
    y, x = torch.nonzero((picture < 0.98).any(2), as_tuple=True)
    return torch.stack([x, y]).float().mean(1)


def test_bands_are_the_whole_picture(scene, monkeypatch):
    monkeypatch.setattr(scene_module, "BAND", 7 * SMALL)
    in_bands = painted(scene, frame=3)
    camera = scene.camera(View(), SMALL, SMALL)
    white = torch.ones(3)
    whole, _ = scene.subject.avatar.image(scene.clip.motion.take([3]), camera, SMALL, SMALL, white, 0.004)
    torch.testing.assert_close(in_bands, whole, atol=1e-4, rtol=0)
    assert (whole < 0.9).any()


def test_a_picture_is_given_up_between_bands(scene, monkeypatch):
    monkeypatch.setattr(scene_module, "BAND", 7 * SMALL)
    left = iter([True, True, False])
    assert scene.paint(Wish("a", SMALL), lambda: next(left)) is None
    assert next(left, "all asked") == "all asked"


def test_sliders_and_frames_change_the_picture(scene):
    neutral = painted(scene)
    assert not torch.equal(neutral, painted(scene, changes={"jaw_open": 25.0}))
    assert not torch.equal(neutral, painted(scene, frame=4))
    assert scene.stands(Wish("a", SMALL, changes={"jaw_open": 25.0}))[0] == pytest.approx(25.0, abs=1e-3)


def test_the_picture_is_shifted_and_enlarged_about_its_middle(scene):
    small = painted(scene, view=View(zoom=0.5))
    moved = head_middle(painted(scene, view=View(zoom=0.5, x=0.125, y=-0.125))) - head_middle(small)
    torch.testing.assert_close(moved, torch.tensor([6.0, -6.0]), atol=0.5, rtol=0)
    area = [(picture < 0.98).any(2).float().sum() for picture in (small, painted(scene, view=View(zoom=0.8)))]
    assert area[1] / area[0] == pytest.approx(2.56, rel=0.1)


def test_the_camera_goes_round_the_head(scene):
    """The head's middle stays, its near side follows the mouse, and a whole turn is none."""
    view = scene.turned(View(turn=40.0, lift=25.0))
    rotation, pivot = view[:, :3], scene.pivot
    torch.testing.assert_close(rotation @ pivot + view[:, 3], pivot)
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-6, rtol=0)
    near = rotation @ (pivot - torch.tensor([0.0, 0.0, 0.1])) + view[:, 3] - pivot
    assert near[0] > 0.03
    assert near[1] > 0.03
    assert scene.turned(View()) is None
    from_above = head_middle(painted(scene, view=View(turn=90.0)))
    torch.testing.assert_close(from_above, head_middle(painted(scene)), atol=3.0, rtol=0)
    assert not torch.allclose(painted(scene, view=View(turn=90.0)), painted(scene), atol=0.1)


def test_the_overlay_shows_the_parts_colours_where_the_head_is(scene):
    plain, full = painted(scene), painted(scene, overlay=1.0)
    outside = (plain > 0.999).all(2)
    torch.testing.assert_close(full[outside], plain[outside], atol=2e-3, rtol=0)
    inside = (plain < 0.9).any(2)
    assert (full - plain)[inside].abs().mean() > 0.05
    half = painted(scene, overlay=0.5)
    torch.testing.assert_close(half, (plain + full) / 2, atol=1e-4, rtol=0)


def test_switched_off_parts_are_grey_in_the_overlay(scene):
    def colourful(muted):
        picture = painted(scene, overlay=1.0, muted=frozenset(muted))
        return float((picture.amax(2) - picture.amin(2)).mean())

    assert colourful(range(PARTS)) < 0.1 * colourful([])
    assert colourful(range(PARTS)) < colourful([0]) < colourful([])


def test_a_muted_part_moves_nothing_and_comes_back(scene):
    deformation, avatar = scene.subject.avatar.deformation, scene.subject.avatar
    points, code = avatar.surface.canonical, torch.zeros(1, avatar.expression.matrix.shape[1])
    slot = torch.zeros(len(points), dtype=torch.int64)
    before = {name: value.clone() for name, value in deformation.state_dict().items()}
    with torch.no_grad():
        alone = []
        for part in range(PARTS):
            with muted(deformation, frozenset(range(PARTS)) - {part}):
                alone.append(deformation(points, code, slot, hard=False)[0])
        with muted(deformation, frozenset(range(PARTS))):
            assert not deformation(points, code, slot, hard=False)[0].any()
        whole = deformation(points, code, slot, hard=False)[0]
    torch.testing.assert_close(sum(alone), whole)
    assert all(one.abs().max() > 1e-4 for one in alone)
    assert all(torch.equal(value, before[name]) for name, value in deformation.state_dict().items())


def test_muting_ends_when_painting_fails(scene):
    deformation = scene.subject.avatar.deformation
    before = deformation.biases[-1].clone()
    with pytest.raises(RuntimeError), muted(deformation, frozenset({1})):
        raise RuntimeError
    assert torch.equal(deformation.biases[-1], before)


def test_backgrounds(scene):
    for name, level in (("own", 1.0), ("black", 0.0), ("grey", 0.5)):
        torch.testing.assert_close(painted(scene, background=name)[0, 0], torch.full((3,), level), atol=1e-3, rtol=0)


def test_a_jpeg_is_the_picture():
    picture = torch.linspace(0, 1, 64).view(1, 64, 1).expand(48, 64, 3)
    back = np.asarray(Image.open(io.BytesIO(jpeg(picture))), np.float32) / 255
    assert back.shape == (48, 64, 3)
    np.testing.assert_allclose(back, picture, atol=0.03)


def test_colours_of_parts_differ():
    colours = part_colours(16)
    apart = torch.cdist(colours, colours) + 9 * torch.eye(16)
    assert apart.min() > 0.1
    assert part_colours(0).shape == (0, 3)
    torch.testing.assert_close(part_colours(17)[16], colours[0])
