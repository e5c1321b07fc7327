"""A fit against true parameters."""

import numpy as np
import pytest
import torch

from partnerface.errors import InputError
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.tracking.truth import against_truth, head_rotation, read_truth, rotation_errors


def turns(vectors: np.ndarray) -> torch.Tensor:
    return axis_angle_to_matrix(torch.as_tensor(vectors, dtype=torch.float64))


def test_a_constant_turn_of_the_heads_own_axes_is_taken_out():
    true = turns(np.random.default_rng(0).normal(0, 0.3, (50, 3)))
    offset = turns(np.array([0.05, 0.0, 0.0]))
    errors, size = rotation_errors(true @ offset, true)
    assert errors.max() < 1e-5
    assert size == pytest.approx(np.degrees(0.05), abs=1e-6)


def test_a_turn_that_changes_or_lies_in_camera_axes_is_an_error():
    true = turns(np.random.default_rng(0).normal(0, 0.3, (200, 3)))
    # Two degrees about the head's own axis, to and fro: the mean is nothing, each frame is off by two degrees.
    sway = np.zeros((200, 3))
    sway[:, 1] = np.radians(2.0) * (-1.0) ** np.arange(200)
    errors, size = rotation_errors(true @ turns(sway), true)
    np.testing.assert_allclose(errors, 2.0, atol=0.01)
    assert size < 0.01
    errors, _ = rotation_errors(turns(np.array([0.0, 0.1, 0.0])) @ true, true)
    assert np.median(errors) > 0.5


def test_the_heads_rotation_is_the_torsos_times_the_necks():
    arrays = {"global_orient": np.array([[np.pi, 0, 0]]), "neck_pose": np.array([[0, 0.1, 0]])}
    expected = turns(np.array([np.pi, 0, 0])) @ turns(np.array([0, 0.1, 0]))
    torch.testing.assert_close(head_rotation(arrays)[0], expected)


def test_a_fit_that_is_the_truth_has_no_error(toy):
    state, points = toy.clip(40)
    truth = {**state.parameters(toy.head), "landmarks_px": points[..., :2]}
    index = np.arange(5, 35)
    fit = {name: truth[name][index] for name in truth if name != "shape"}
    # The frames are twice as large as the truth's picture, and the focal length comes out 10 % too long.
    fit |= {"focal": 2.2 * truth["focal"][index], "landmarks_px": 2 * fit["landmarks_px"]}
    unit = 2 * np.asarray(truth["focal"][index] / truth["translation"][index, 2], float)
    found = against_truth(fit, truth, index, 2.0, index / 25, unit)
    assert found["rotation_deg"] < 1e-3
    assert found["focal"] == pytest.approx(0.1, abs=1e-5)
    for name in ("mouth_opening", "eye_opening", "jaw", "eyelids"):
        assert found[f"{name}_correlation"] == pytest.approx(1.0, abs=1e-6)
    assert found["amplitude"]["mouth_opening"] == pytest.approx(1.0, abs=0.02)
    fit["landmarks_px"] = fit["landmarks_px"].mean(0, keepdims=True) + 0.5 * (
        fit["landmarks_px"] - fit["landmarks_px"].mean(0)
    )
    assert against_truth(fit, truth, index, 2.0, index / 25, unit)["amplitude"]["lip_width"] < 0.8
    # One frame later it is another clip.
    late = against_truth(fit, truth, index + 1, 2.0, index / 25, unit)
    assert late["rotation_deg"] > 0.5
    assert late["jaw_correlation"] < 0.999
    with pytest.raises(InputError, match="has 40 frames, the clip at least 46"):
        against_truth(fit, truth, index + 11, 2.0, index / 25, unit)


def test_what_is_no_truth_is_refused_in_a_line(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_truth(tmp_path / "nothing.npz")
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(InputError, match="cannot read"):
        read_truth(tmp_path / "text.npz")
    np.savez(tmp_path / "half.npz", focal=np.float32(1), jaw_pose=np.zeros((2, 3)))
    with pytest.raises(InputError, match="lacks global_orient, neck_pose"):
        read_truth(tmp_path / "half.npz")
