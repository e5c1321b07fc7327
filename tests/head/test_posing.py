"""Posing by the arrays of tracking.npz gives what the tensors give."""

import numpy as np
import pytest
import torch

from partnerface.conventions import MOTION_NAMES, PARAMETER_NAMES
from partnerface.head.model import HeadModel
from partnerface.head.posing import TOGETHER, landmark_corners, posed_landmarks, posed_vertices
from partnerface.head.skinning import embed, head_tensors, pose_head
from tests.exchange.toy import codes, small_head

COUNT = 2 * TOGETHER + 3


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return small_head()


@pytest.fixture(scope="module")
def tracking() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    made = {"global_orient": rng.normal(0, 1, (COUNT, 3)), "translation": rng.normal(0, 1, (COUNT, 3)), **codes(COUNT)}
    assert set(made) == set(PARAMETER_NAMES)
    return made


def test_all_frames_and_some(head: HeadModel, tracking: dict[str, np.ndarray]):
    double = torch.float64
    given = {name: torch.tensor(tracking[name]) for name in PARAMETER_NAMES}
    vertices = pose_head(head_tensors(head, dtype=double), **given).vertices
    points = embed(vertices, torch.tensor(head.mediapipe_faces), torch.tensor(head.mediapipe_weights)).numpy()
    whole = posed_vertices(head, tracking, dtype=double)
    np.testing.assert_allclose(whole, vertices.numpy(), atol=1e-12)
    np.testing.assert_allclose(posed_landmarks(head, tracking, dtype=double), points, atol=1e-12)
    frames = np.array([COUNT - 1, 0, 40])
    np.testing.assert_allclose(posed_vertices(head, tracking, frames, dtype=double), whole[frames], atol=1e-12)
    two = posed_vertices(head, tracking, frames, np.array([7, 3]), double)
    np.testing.assert_allclose(two, whole[frames][:, [7, 3]], atol=1e-12)
    corners = landmark_corners(head, tracking, frames, [263, 33], double)
    np.testing.assert_allclose(corners, whole[frames][:, head.mediapipe_faces[[263, 33]]], atol=1e-12)
    some = posed_landmarks(head, tracking, frames, [263, 33])
    assert some.dtype == np.float32
    np.testing.assert_allclose(some, points[frames][:, [263, 33]], atol=1e-5)


def test_what_is_left_out_does_not_move(head: HeadModel, tracking: dict[str, np.ndarray]):
    still = {name: np.zeros_like(tracking[name]) for name in MOTION_NAMES if name not in ("expression", "jaw_pose")}
    moving = {name: tracking[name] for name in ("shape", "expression", "jaw_pose")}
    expected = posed_vertices(head, {**moving, **still})
    found = posed_vertices(head, {**moving, "global_orient": still["global_orient"]})
    np.testing.assert_allclose(found, expected, atol=1e-7)
