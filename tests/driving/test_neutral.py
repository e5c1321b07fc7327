"""The neutral of made-up clips of the built-in head: what was put in comes out, whatever else the face does."""

import math

import numpy as np
import pytest

from partnerface.conventions import FACING_CAMERA
from partnerface.driving.neutral import face_size, find_neutral, geometric_median, matrices, middle_rotation, vectors
from partnerface.errors import InputError
from partnerface.head.builtin import builtin_head
from tests.driving.motions import still, turned

HEAD = builtin_head()
REST = 60


@pytest.fixture(scope="module")
def clip() -> dict[str, np.ndarray]:
    """100 frames: 60 at rest (one lip a little raised, lids a little low), then smiles, speech, a long blink."""
    motion = still(100, HEAD.n_expression)
    motion["shape"] = np.zeros(HEAD.n_shape)
    motion["eyelids"][:] = 0.1
    motion["jaw_pose"][:, 0] = 0.01
    motion["expression"][:, HEAD.expression_index("upper_lip_raise_left")] = 0.3
    smile = [HEAD.expression_index(f"lip_corner_up_{side}") for side in ("left", "right")]
    motion["expression"][60:75, smile] = np.linspace(1, 2, 15)[:, None]
    motion["jaw_pose"][75:90, 0] = np.linspace(0.05, 0.3, 15)
    motion["eyelids"][90:] = 0.95
    motion["expression"][90:, HEAD.expression_index("brow_down_left")] = 1.0
    return motion


def test_the_face_at_rest(clip):
    found = find_neutral(HEAD, clip)
    wanted = np.zeros(HEAD.n_expression)
    wanted[HEAD.expression_index("upper_lip_raise_left")] = 0.3
    np.testing.assert_allclose(found.values["expression"], wanted, atol=1e-6)
    np.testing.assert_allclose(found.values["jaw_pose"], [0.01, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found.values["eyelids"], [0.1, 0.1], atol=1e-6)
    assert found.size == pytest.approx(1, abs=1e-3)


def test_frames_may_be_named_and_left_out(clip):
    named = find_neutral(HEAD, clip, rest=np.array([74]))
    assert named.values["expression"][HEAD.expression_index("lip_corner_up_left")] == pytest.approx(2)
    only = find_neutral(HEAD, clip, frames=np.arange(75, 90))
    assert only.values["jaw_pose"][0] < 0.13, "of an open mouth the least open"


def test_usual_pose_not_the_mean_one(clip):
    motion = {name: value.copy() for name, value in clip.items()}
    usual = turned(np.array(FACING_CAMERA), np.array([0.1, 0, 0]))
    motion["global_orient"][:] = usual
    motion["neck_pose"][70:90, 1] = math.radians(35)
    motion["translation"][75:90] += 0.1
    motion["neck_pose"][90:, 0] = math.radians(50)  # while the eyes are shut, which does not count
    found = find_neutral(HEAD, motion).values
    np.testing.assert_allclose(found["global_orient"], usual, atol=1e-6)
    np.testing.assert_allclose(found["neck_pose"], 0, atol=1e-3)
    np.testing.assert_allclose(found["translation"], [0, 0, 0.6], atol=1e-3)


def test_gaze_that_holds_the_camera_is_straight_while_the_head_turns(clip):
    motion = {name: value.copy() for name, value in clip.items()}
    # Even turns to both sides, the eyes turned back by as much; the left one squints by 0.05.
    motion["neck_pose"][:, 1] = np.where(np.arange(100) % 3 == 0, 0.3, 0.0)
    back = matrices(motion["neck_pose"]).transpose(0, 2, 1)
    squint = matrices(np.array([0, -0.05, 0]))
    motion["eye_pose"] = np.concatenate([vectors(back @ squint), vectors(back)], axis=1)
    found = find_neutral(HEAD, motion).values
    np.testing.assert_allclose(found["eye_pose"], [0, -0.05, 0, 0, 0, 0], atol=1e-6)


def test_a_larger_face_is_larger():
    larger = HEAD.with_offset(HEAD.template * 0.1)
    assert face_size(larger, np.zeros(HEAD.n_shape)) == pytest.approx(1.1, abs=1e-3)


def test_medians():
    rows = np.array([[0.0, 0], [0, 0], [0, 0], [9, 9], [-5, 2]])
    np.testing.assert_allclose(geometric_median(rows), 0, atol=1e-3)
    np.testing.assert_allclose(geometric_median(rows[:1]), rows[0])
    around = matrices(np.array([[0, 0.2, 0], [0, 0.2, 0], [0, 0.2, 0], [2.0, 0, 0]]))
    np.testing.assert_allclose(vectors(middle_rotation(around)), [0, 0.2, 0], atol=1e-3)


def test_no_frames_is_one_line(clip):
    with pytest.raises(InputError, match="no tracked frame"):
        find_neutral(HEAD, clip, frames=np.array([], int))
