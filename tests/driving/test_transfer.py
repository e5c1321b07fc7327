"""Motion relative to a neutral: worked out by hand, there and back, and independent of whose neutral it was."""

import math

import numpy as np
import pytest

from partnerface.conventions import FACING_CAMERA, MOTION_NAMES
from partnerface.driving.neutral import Neutral, matrices, vectors
from partnerface.driving.transfer import at_rest, away, head_turn, onto, resample, with_pose
from tests.driving.motions import restless, some_neutral, still, turned


def rest_of(**changes) -> Neutral:
    size = changes.pop("size", 1.0)
    values = {name: value[0] for name, value in still(1).items()}
    return Neutral(values | {name: np.array(value, float) for name, value in changes.items()}, size)


def test_by_hand():
    driver = rest_of(expression=[0.1, 0, 0, 0], eyelids=[0.2, 0.2], jaw_pose=[0.02, 0, 0], size=0.8)
    avatar = rest_of(expression=[-0.2, 0, 0, 0], eyelids=[0.1, 0.0], jaw_pose=[0.05, 0, 0], size=1.2)
    motion = still(3)
    motion["expression"][:, 0] = [0.1, 0.5, -0.3]
    motion["jaw_pose"][:, 0] = [0.02, 0.12, 0.02]
    motion["eyelids"] = np.array([[0.2, 0.2], [0.6, 1.0], [0.1, 0.2]])
    motion["translation"][1] += [0.04, 0, -0.08]
    relative = away(motion, driver)
    # A face of 0.8 that moves by 0.4 moves by half of an average one's.
    np.testing.assert_allclose(relative["expression"][:, 0], [0, 0.5, -0.5], atol=1e-12)
    # 0.2 to 0.6 is half of the way to 1; above the neutral lids open by what they do.
    np.testing.assert_allclose(relative["eyelids"], [[0, 0], [0.5, 1.0], [-0.1, 0]], atol=1e-12)
    out = onto(relative, avatar)
    np.testing.assert_allclose(out["expression"][:, 0], [-0.2, 0.4, -0.8], atol=1e-6)
    np.testing.assert_allclose(out["eyelids"], [[0.1, 0], [0.55, 1.0], [0.0, 0]], atol=1e-6)
    np.testing.assert_allclose(out["jaw_pose"][:, 0], [0.05, 0.15, 0.05], atol=1e-6)
    np.testing.assert_allclose(out["translation"][1], [0.06, 0, 0.6 - 0.12], atol=1e-6)


def test_turns_are_taken_in_the_heads_own_axes():
    """A driver who sits tilted nods about his own ears; the avatar nods about its own."""
    tilt, nod = [0, 0, math.radians(20)], [math.radians(-15), 0, 0]
    driver = rest_of(global_orient=turned(np.array(FACING_CAMERA), np.array(tilt)))
    motion = still(1)
    motion["global_orient"][0] = turned(driver.values["global_orient"], np.array(nod))
    relative = away(motion, driver)
    np.testing.assert_allclose(relative["global_orient"][0], nod, atol=1e-9)
    out = onto(relative, rest_of())
    np.testing.assert_allclose(out["global_orient"][0], turned(np.array(FACING_CAMERA), np.array(nod)), atol=1e-6)


def test_a_person_drives_himself():
    motion, neutral = restless(40), some_neutral(size=0.9)
    for name, value in onto(away(motion, neutral), neutral).items():
        np.testing.assert_allclose(value, motion[name], atol=2e-6, err_msg=name)


def test_another_neutral_gives_the_same_result():
    """Two drivers who do the same, each from his own neutral, move the avatar alike."""
    relative, avatar = away(restless(30), some_neutral(1)), some_neutral(2, 1.3)
    results = []
    for seed, size in ((3, 0.7), (4, 1.1)):
        driver = some_neutral(seed, size)
        motion = {name: value.astype(float) for name, value in onto(relative, driver).items()}
        results.append(onto(away(motion, driver), avatar))
    for name in MOTION_NAMES:
        np.testing.assert_allclose(results[0][name], results[1][name], atol=2e-5, err_msg=name)


def test_rest_is_rest():
    avatar = some_neutral(5)
    for name, value in onto(at_rest(avatar, 2), avatar).items():
        np.testing.assert_allclose(value, np.stack([avatar.values[name]] * 2), atol=1e-6)


def test_eyes_that_hold_the_camera_hold_it_on_a_head_that_stays():
    driver, angle = some_neutral(6), math.radians(20)
    relative = at_rest(driver, 1)
    relative["neck_pose"][0, 1] = angle
    # They look where they looked: the turn of the head taken back, in the axes of each eye.
    turn = head_turn(relative, driver)
    for eye in (slice(0, 3), slice(3, 6)):
        own = matrices(driver.values["eye_pose"][eye])
        relative["eye_pose"][:, eye] = vectors(own.T @ turn.transpose(0, 2, 1) @ own)
    assert np.abs(relative["eye_pose"]).max() == pytest.approx(angle, abs=0.01)
    out = with_pose(relative, driver, at_rest(driver, 1), some_neutral(7))
    np.testing.assert_allclose(out["eye_pose"], 0, atol=1e-9)
    assert not out["neck_pose"].any()


def test_with_its_own_pose_the_gaze_is_as_it_was():
    relative, neutral = away(restless(20), some_neutral(8)), some_neutral(8)
    out = with_pose(relative, neutral, relative, neutral)
    np.testing.assert_allclose(out["eye_pose"], relative["eye_pose"], atol=1e-9)


def test_between_frames_a_line_and_in_long_gaps_the_last_face():
    values = {"jaw_pose": np.array([[0.0], [1.0], [3.0], [5.0]])}
    times = np.array([0.0, 0.1, 0.2, 2.2])
    out = resample(values, times, np.array([-1.0, 0.05, 0.1, 0.15, 1.0, 1.69, 1.95, 2.2, 9.0]))["jaw_pose"][:, 0]
    np.testing.assert_allclose(out, [0, 0.5, 1, 2, 3, 3, 4, 5, 5], atol=1e-9)
