"""A camera that stands elsewhere, and which part moves what it sees."""

import math

import pytest
import torch

from partnerface.avatar.motion import Motion
from partnerface.avatar.part_map import part_map, travel, travel_map
from partnerface.avatar.shoulders import on_layer
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from tests.avatar.toy import toy_motion
from tests.viewing.toy import FRAMES, PARTS, SIZE, facts, toy_avatar

EDGE, STEP = 32, 0.004
TURN = torch.tensor([0.2, -0.5, 0.1])


def camera() -> torch.Tensor:
    k = torch.tensor(facts()["camera"])
    k[:2] *= EDGE / SIZE
    return k


@pytest.fixture(scope="module")
def frame() -> Motion:
    return Motion.from_arrays(toy_motion(FRAMES)).take([3])


def test_a_camera_that_goes_round_sees_what_a_turned_head_shows(frame):
    avatar, white = toy_avatar(), torch.ones(3)
    rotation, foot = axis_angle_to_matrix(TURN), avatar.surface.foot(frame)[0]
    view = torch.cat([rotation, (foot - rotation @ foot)[:, None]], dim=1)
    turned = Motion(**vars(frame))
    turned.global_orient = matrix_to_axis_angle(rotation @ axis_angle_to_matrix(frame.global_orient))
    expected, opacity = avatar.image(turned, camera(), EDGE, EDGE, white, STEP)
    got, _ = avatar.image(frame, camera(), EDGE, EDGE, white, STEP, view=view)
    plain, _ = avatar.image(frame, camera(), EDGE, EDGE, white, STEP)
    assert opacity.max() > 0.9
    torch.testing.assert_close(got, expected, atol=2e-3, rtol=0)
    assert (plain - expected).abs().max() > 0.1


def test_a_whole_turn_is_none_and_codes_stay(frame):
    avatar = toy_avatar()
    conditions = avatar.conditions(frame)
    still = torch.cat([torch.eye(3), torch.zeros(3, 1)], dim=1)
    assert conditions.seen_from(None) is conditions
    seen = conditions.seen_from(still)
    torch.testing.assert_close(seen.frames.translation, conditions.frames.translation)
    torch.testing.assert_close(seen.frames.rotation, conditions.frames.rotation)
    moved = conditions.seen_from(torch.cat([axis_angle_to_matrix(TURN), torch.ones(3, 1)], dim=1))
    for name in ("code", "correction", "pose", "foot"):
        assert torch.equal(getattr(moved, name), getattr(conditions, name))


def test_rays_of_a_moved_camera_meet_the_layer_of_the_shoulders_in_its_places():
    torch.manual_seed(0)
    plane, depth = torch.rand(20, 2) - 0.5, torch.full((20,), 0.7)
    places = torch.cat([plane, torch.ones(20, 1)], dim=1) * depth[:, None]
    view = torch.cat(
        [axis_angle_to_matrix(torch.tensor([0.1, 0.6, -0.2])), torch.tensor([[0.3], [-0.1], [0.2]])], dim=1
    )
    seen = places @ view[:, :3].T + view[:, 3]
    torch.testing.assert_close(on_layer(seen[:, :2] / seen[:, 2:], depth, view), plane, atol=1e-5, rtol=0)


def test_a_layer_seen_from_behind_is_out_of_the_picture():
    half = axis_angle_to_matrix(torch.tensor([0.0, math.pi, 0.0]))
    view = torch.cat([half, torch.tensor([[0.0], [0.0], [0.2]])], dim=1)
    place = on_layer(torch.zeros(3, 2), torch.full((3,), 0.7), view)
    assert (place[:, 1] < -100).all()


def test_parts_share_what_is_seen(frame):
    avatar = toy_avatar()
    _, opacity = avatar.image(frame, camera(), EDGE, EDGE, torch.ones(3), STEP)
    shares = part_map(avatar, frame, camera(), EDGE, EDGE, STEP)
    assert shares.shape == (EDGE, EDGE, PARTS)
    assert shares.min() >= 0
    torch.testing.assert_close(shares.sum(2), opacity, atol=1e-2, rtol=0)
    assert (shares.amax((0, 1)) > 0.1).sum() >= 2
    whole = toy_avatar(parts=1)
    _, opacity = whole.image(frame, camera(), EDGE, EDGE, torch.ones(3), STEP)
    torch.testing.assert_close(part_map(whole, frame, camera(), EDGE, EDGE, STEP)[..., 0], opacity, atol=1e-2, rtol=0)


def test_without_parts_there_is_no_map(frame):
    with pytest.raises(ValueError, match="no part map"):
        part_map(toy_avatar(parts=0), frame, camera(), EDGE, EDGE, STEP)


def test_travel_is_the_root_mean_square_over_frames(frame):
    """Of a part that moves by 1 (in centimetres) along x at rest, and by 2 along y with the code's first component."""
    avatar = toy_avatar(parts=1)
    deformation, over = avatar.deformation, Motion.from_arrays(toy_motion(5))
    assert deformation is not None
    for value in (*deformation.weights, *deformation.biases):
        value.data.zero_()
    deformation.biases[-1].data[0, 0], deformation.biases[-1].data[0, 4] = 1.0, 2.0
    code = avatar.expression(over.face_features())[:, 0]
    expected = float((1 + (2 * code).square()).mean().sqrt()) * deformation.scale
    points = torch.randn(7, 3) * 0.05
    torch.testing.assert_close(travel(avatar, points, over), torch.full((7, 1), expected))
    seen = travel_map(avatar, frame, camera(), EDGE, EDGE, STEP, over)
    opacity = part_map(avatar, frame, camera(), EDGE, EDGE, STEP)[..., 0]
    torch.testing.assert_close(seen, opacity * expected)
