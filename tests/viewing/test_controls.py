"""Sliders: what they are, and that a motion moved by them stands where they say."""

import math

import pytest
import torch

from partnerface.avatar.motion import Motion
from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.head.builtin.expressions import component_names
from partnerface.viewing.controls import FURTHER, GROUPS, controls, moved, values
from partnerface.viewing.known import Known, summary
from tests.avatar.toy import toy_motion
from tests.viewing.toy import FRAMES

NAMES = ("squint_left", "squint_right", "mouth_left")


@pytest.fixture(scope="module")
def told() -> Known:
    motion = Motion.from_arrays(toy_motion(FRAMES))
    return summary(motion, motion.take([0]))


@pytest.fixture(scope="module")
def clip() -> Motion:
    return Motion.from_arrays(toy_motion(FRAMES))


def test_each_component_has_its_slider_once(told):
    keys = [one.key for one in controls(told, NAMES)]
    assert len(keys) == len(set(keys))
    assert set(NAMES) < set(keys)
    assert {"jaw_open", "jaw_left", "gaze_up", "gaze_left", "lid_left", "head_left"} < set(keys)


def test_sides_belong_together_and_a_movement_to_the_left_is_no_side(told):
    by_key = {one.key: one for one in controls(told, NAMES)}
    assert by_key["squint_left"].stem == by_key["squint_right"].stem == "squint"
    assert by_key["squint_right"].side == "right"
    assert by_key["mouth_left"].side is None
    assert by_key["mouth_left"].group == "Mouth"
    assert by_key["jaw_left"].side is None


def test_the_groups_name_every_component_of_the_built_in_head_that_has_a_name():
    names = {name for name in component_names() if not name.startswith("measured")}
    grouped = {stem for stems in GROUPS.values() for stem in stems}
    sided = {f"{stem}_{side}" for stem in grouped for side in ("left", "right")}
    assert names <= grouped | sided
    assert all(stem in names or f"{stem}_left" in names for stem in grouped)


def test_groups_are_in_one_piece_and_unnamed_components_come_last(told):
    listed = [one.group for one in controls(told, ("expression_1", "brow_down_left", "pucker_left"))]
    order = list(dict.fromkeys(listed))
    assert listed == sorted(listed, key=order.index)
    assert order[0] == "Mouth"
    assert order[-1] == FURTHER


def test_sliders_stand_where_they_were_put_and_others_stay(told, clip):
    listed, frame = controls(told, NAMES), clip.take([5])
    before = values(frame, listed)[0]
    wanted = {
        "jaw_open": 12.0,
        "gaze_left": -7.0,
        "lid_right": 0.5,
        "squint_left": 0.8,
        "head_left": 20.0,
        "head_up": 5,
    }
    after = values(moved(frame, listed, wanted, told.neck_turns), listed)[0]
    for one, was, now in zip(listed, before.tolist(), after.tolist(), strict=True):
        assert now == pytest.approx(wanted.get(one.key, was), abs=2e-3), one.key


def test_nothing_moved_changes_nothing(told, clip):
    frame = clip.take([5])
    same = moved(frame, controls(told, NAMES), {}, told.neck_turns)
    assert all(torch.equal(value, vars(same)[name]) for name, value in vars(frame).items())


@pytest.mark.parametrize("neck_turns", [True, False])
def test_the_head_turns_by_its_neck_or_as_a_whole(told, clip, neck_turns):
    frame = clip.take([5])
    after = moved(frame, controls(told, NAMES), {"head_left": 30.0, "head_up": 0.0, "head_tilt": 0.0}, neck_turns)
    still = ("global_orient",) if neck_turns else ("neck_pose",)
    assert all(torch.equal(getattr(after, name), getattr(frame, name)) for name in still)
    whole = axis_angle_to_matrix(after.global_orient) @ axis_angle_to_matrix(after.neck_pose)
    nose = (whole @ torch.tensor([0.0, 0.0, 1.0]))[0]
    # To the subject's left is to the right of the picture; z goes away from the camera.
    expected = torch.tensor([math.sin(math.radians(30)), 0.0, -math.cos(math.radians(30))])
    torch.testing.assert_close(nose, expected, atol=1e-3, rtol=0)


def test_which_way_is_positive(told, clip):
    """The subject's left is to the right of the picture, up is towards its top."""
    listed, rest = controls(told, NAMES), told.neutral
    facing = axis_angle_to_matrix(torch.tensor(FACING_CAMERA))

    def shift(key: str, name: str, point: tuple[float, float, float]) -> torch.Tensor:
        rotation = axis_angle_to_matrix(getattr(moved(rest, listed, {key: 10.0}, True), name)[0, :3])
        return facing @ (rotation @ torch.tensor(point) - torch.tensor(point))

    assert shift("gaze_up", "eye_pose", (0.0, 0.0, 1.0))[1] < -0.1
    assert shift("gaze_left", "eye_pose", (0.0, 0.0, 1.0))[0] > 0.1
    assert shift("jaw_open", "jaw_pose", (0.0, 0.0, 1.0))[1] > 0.1
    assert shift("jaw_left", "jaw_pose", (0.0, 0.0, 1.0))[0] > 0.1
    turned = moved(rest, listed, {"head_up": 10.0, "head_left": 0.0, "head_tilt": 0.0}, True)
    whole = axis_angle_to_matrix(turned.global_orient) @ axis_angle_to_matrix(turned.neck_pose)
    assert (whole @ torch.tensor([0.0, 0.0, 1.0]))[0, 1] < -0.1
    tilted = moved(rest, listed, {"head_tilt": 10.0}, True)
    whole = axis_angle_to_matrix(tilted.global_orient) @ axis_angle_to_matrix(tilted.neck_pose)
    assert (whole @ torch.tensor([0.0, 1.0, 0.0]))[0, 0] > 0.1
