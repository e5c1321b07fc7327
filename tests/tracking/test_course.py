"""What is shown of a tracking over time."""

import numpy as np
import pytest

from partnerface.geometry.angles import euler_degrees
from partnerface.tracking.course import SHEET_WIDTH, course, picks, sheet_pictures
from partnerface.tracking.curves import CURVES


@pytest.fixture
def tracked(toy):
    """The true parameters of a clip of 40 frames as a tracking, its landmarks, and which frames have some."""
    state, points = toy.clip(40)
    found = np.arange(40) != 11
    middle = np.full((40, 2), toy.size / 2, np.float32)
    tracking = {**state.parameters(toy.head), "landmarks_px": points[..., :2].astype(np.float32), "bridged": ~found}
    tracking |= {"error_px": np.where(found, 1.0, np.nan).astype(np.float32), "principal_point": middle}
    tracking["error_px"][23] = 4.0
    return tracking, points, found


def test_course_holds_the_curves_of_both_and_no_landmarks_where_there_were_none(toy, tracked):
    tracking, points, found = tracked
    shown = course(toy.model, tracking, points, found, np.arange(40) / 25)
    assert tuple(shown["curve_names"]) == CURVES
    np.testing.assert_allclose(shown["curves_fit"][found], shown["curves_landmarks"][found], atol=1e-5)
    assert np.isnan(shown["curves_landmarks"][11]).all()
    assert np.isfinite(shown["curves_fit"]).all()
    assert all(value.dtype != object for value in shown.values())


def test_head_angles_are_those_by_which_a_head_was_turned(toy, tracked):
    tracking, points, found = tracked
    # A head that faces the camera, turned 0.3 rad to the subject's left by the neck.
    tracking["global_orient"] = np.tile([np.pi, 0, 0], (40, 1)).astype(np.float32)
    tracking["neck_pose"] = np.tile([0, 0.3, 0], (40, 1)).astype(np.float32)
    shown = course(toy.model, tracking, points, found, np.arange(40) / 25)
    np.testing.assert_allclose(shown["head_angles"], np.tile([np.degrees(0.3), 0, 0], (40, 1)), atol=1e-3)


def test_euler_degrees_undo_the_turns():
    yaw, pitch, roll = np.radians([20.0, -10.0, 5.0])

    def about(axis: int, angle: float) -> np.ndarray:
        a, b = [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[b, a], turn[a, b] = np.sin(angle), -np.sin(angle)
        return turn

    turn = about(1, yaw) @ about(0, -pitch) @ about(2, roll)
    np.testing.assert_allclose(euler_degrees(turn[None]), [[20.0, -10.0, 5.0]], atol=1e-9)


def test_picks_are_the_extremes_each_once(toy, tracked):
    tracking, points, found = tracked
    tracking |= course(toy.model, tracking, points, found, np.arange(40) / 25)
    tracking["head_angles"][7, 0], tracking["head_angles"][11, 0] = 80.0, 90.0
    tracking["curves_landmarks"][7, CURVES.index("mouth_opening")] = 9.0
    tracking["curves_landmarks"][8, CURVES.index("eye_opening")] = -1.0
    chosen = picks(tracking)
    frames = [frame for _, frame in chosen]
    assert len(set(frames)) == len(frames) <= 12
    assert 11 not in frames, "a bridged frame has nothing to be compared with"
    reasons = {frame: reason for reason, frame in chosen}
    assert reasons[23].startswith("worst")
    assert reasons[7] == "most to the left, mouth widest open"
    assert "eyes shut" in reasons[8]
    assert picks({**tracking, "bridged": np.ones(40, bool)}) == []


def test_sheet_pictures_are_of_one_size_and_drawn_on(toy, tracked):
    tracking, points, found = tracked
    tracking |= course(toy.model, tracking, points, found, np.arange(40) / 25)
    frames = np.full((40, toy.size, toy.size, 3), 128, np.uint8)
    pictures = list(sheet_pictures(frames, toy.model, tracking, points))
    assert len(pictures) == len(picks(tracking))
    assert {picture.shape for picture in pictures} == {(SHEET_WIDTH // 2 + 20, SHEET_WIDTH, 3)}
    for picture in pictures:
        half = picture[20:, : SHEET_WIDTH // 2], picture[20:, SHEET_WIDTH // 2 :]
        assert all((np.abs(part.astype(int) - 128).max(2) > 20).sum() > 100 for part in half)
