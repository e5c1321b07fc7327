"""Poses, expressions and blinks against the demo's true parameters, and angles against rotations made by hand."""

import numpy as np
import pytest
import torch

from partnerface.capture.coverage import expressions, facing, gaze_degrees, pose_histogram, poses, spread
from partnerface.capture.face import FaceTrack
from partnerface.conventions import FACING_CAMERA
from partnerface.demo.clip import make_demo, truth
from partnerface.demo.motion import BLINKS_S, FPS, FRAMES, make_motion
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.blinks import closures, relative_opening
from partnerface.head.builtin import builtin_head
from tests.capture.clip import face_track, landmarks, still


@pytest.fixture(scope="module")
def demo() -> dict[str, np.ndarray]:
    """The demo's truth."""
    return truth(make_demo(FRAMES))


def turned(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """(N, 3) `global_orient` of a head turned to its left, raised and tilted to its right by degrees."""

    def about(axis: int, degrees: np.ndarray) -> torch.Tensor:
        vector = torch.zeros(len(degrees), 3, dtype=torch.float64)
        vector[:, axis] = torch.tensor(np.radians(degrees))
        return axis_angle_to_matrix(vector)

    base = axis_angle_to_matrix(torch.tensor(FACING_CAMERA, dtype=torch.float64))
    turn = base @ about(1, yaw) @ about(0, -pitch) @ about(2, roll)
    return matrix_to_axis_angle(turn, torch.tensor(FACING_CAMERA, dtype=torch.float64)).numpy()


def test_angles_are_those_that_the_head_was_turned_by():
    rng = np.random.default_rng(0)
    given = rng.uniform(-25, 25, (301, 3)) * [1, 0.6, 0.3]
    given -= np.median(given, axis=0)
    found = poses({"global_orient": turned(*given.T), "neck_pose": np.zeros((301, 3))})
    np.testing.assert_allclose(found.angles, given, atol=1.0)
    np.testing.assert_allclose(found.middle, 0, atol=1.5)


def test_a_constant_pose_is_no_coverage_but_is_told():
    angles = np.full(40, 20.0), np.full(40, -10.0), np.full(40, 5.0)
    found = poses({"global_orient": turned(*angles), "neck_pose": np.zeros((40, 3))})
    np.testing.assert_allclose(found.angles, 0, atol=1e-5)
    np.testing.assert_allclose(found.middle, (20, -10, 5), atol=1e-5)


def test_signs_are_those_of_the_picture():
    """Turned to their left, the nose moves to the picture's right; raised, it moves up."""
    head, arrays = builtin_head(), still(3)
    arrays["global_orient"] = turned(np.array([0, 20, 0]), np.array([0, 0, 20]), np.zeros(3)).astype(np.float32)
    points = landmarks(head, arrays)
    nose = points[:, 1] - points[:, [234, 454]].mean(1)
    assert nose[1, 0] > nose[0, 0] + 3
    assert nose[2, 1] < nose[0, 1] - 3


def test_the_demos_yaw_range_is_the_true_one(demo):
    motion = make_motion(builtin_head())
    true_yaw = np.degrees(motion["global_orient"][:, 1])
    assert spread(poses(demo).angles[:, 0]) == pytest.approx(spread(true_yaw), rel=0.03)
    true_gaze = np.degrees(motion["eye_pose"][:, 1])
    assert spread(gaze_degrees(demo)[:, 0]) == pytest.approx(spread(true_gaze), rel=0.03)


@pytest.mark.parametrize("every", [1, 2])
def test_the_demos_blinks_are_the_true_ones(demo, every):
    time_s = np.arange(FRAMES)[::every] / FPS
    part = {name: value[::every] if value.shape[:1] == (FRAMES,) else value for name, value in demo.items()}
    track = face_track(part, time_s)
    found = closures(relative_opening(track.eye_opening(), time_s), time_s)
    middles = [(closure.start_s + closure.end_s) / 2 for closure in found if closure.blink]
    np.testing.assert_allclose(middles, BLINKS_S, atol=0.08)


def test_the_unit_does_not_shrink_when_the_head_turns(demo):
    track = face_track(demo, np.arange(FRAMES) / FPS)
    corners = np.linalg.norm(track.points[:, 33] - track.points[:, 263], axis=1)
    assert track.unit.std() / track.unit.mean() < 0.02
    assert corners.std() / corners.mean() > 1.2 * track.unit.std() / track.unit.mean()


def test_bridged_frames_take_the_fitted_heads_points(demo):
    count = 10
    part = {name: value[:count] if value.shape[:1] == (FRAMES,) else value for name, value in demo.items()}
    points = np.zeros((count, 478, 3))
    points[:, :, :2] = part["landmarks_px"] + 1
    found = np.arange(count) != 4
    track = FaceTrack.of_clip(np.arange(count) / 25, points, found, found.astype(float), part)
    np.testing.assert_allclose(track.points[4], part["landmarks_px"][4])
    np.testing.assert_allclose(track.points[5], part["landmarks_px"][5] + 1)


def test_the_histogram_counts_every_frame_once():
    angles = np.array([[0.1, 0.1, 0], [0.2, 0.1, 0], [44, -29, 0], [90, -80, 0], [-12, 7, 0]])
    counts = pose_histogram(angles)
    assert counts.sum() == 5
    assert counts[9, 6] == 2, "yaw 0 to 5, pitch 0 to 5"
    assert counts[-1, 0] == 2, "what lies beyond is counted at the edge"
    assert counts[6, 7] == 1


def test_expressions(demo):
    head = builtin_head()
    moving, resting = expressions(head, demo), expressions(head, still(40))
    assert resting.directions == 0
    np.testing.assert_allclose([resting.face_mm, resting.mouth_mm, resting.brows_mm], 0, atol=1e-6)
    assert moving.mouth_mm > moving.face_mm > moving.brows_mm > 0.5
    # One movement alone is one direction; two that are as large and independent are two.
    arrays, phase = still(200), np.arange(200) / 200 * 2 * np.pi
    names = list(head.expression_names)
    for name in ("lip_corner_up_left", "lip_corner_up_right"):
        arrays["expression"][:, names.index(name)] = np.sin(phase)
    assert expressions(head, arrays).directions == pytest.approx(1, abs=0.02)
    arrays["expression"][:, names.index("lip_corner_up_right")] = np.cos(phase)
    assert expressions(head, arrays).directions == pytest.approx(2, abs=0.1)


def test_facing():
    head, arrays = builtin_head(), still(2)
    arrays["global_orient"] = turned(np.array([0, 70]), np.zeros(2), np.zeros(2)).astype(np.float32)
    found = facing(head, arrays, np.arange(2))
    right_cheek, left_cheek = 205, 425
    assert found[0, [1, 9, right_cheek, left_cheek]].min() > 0.5
    assert found[1, right_cheek] > 0.5, "turned to their left, the right cheek shows"
    assert found[1, left_cheek] < 0.2
