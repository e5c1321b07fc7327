"""The whole fit on clips of the toy head whose parameters are known."""

import dataclasses

import numpy as np
import pytest
import torch

from partnerface.errors import InputError
from partnerface.geometry.rotations import matrix_to_axis_angle
from partnerface.tracking import fit
from partnerface.tracking.fit import FitOptions, fit_clip, steps_expected, stretches
from partnerface.tracking.halves import halves
from partnerface.tracking.priors import Priors
from partnerface.tracking.projection import project

#: Priors so weak, and landmarks so certain, that exact landmarks decide everything.
LOOSE = Priors(
    landmark_std=0.001,
    shape_std=100.0,
    expression_std=100.0,
    log_focal_std=10.0,
    jaw_std=(10.0, 10.0, 10.0),
    eye_std=(10.0, 10.0, 10.0),
    vergence_std=(10.0, 10.0, 10.0),
    eyelid_std=100.0,
    change_rotation=10.0,
    change_place=10.0,
    change_depth=10.0,
    change_jaw=10.0,
    change_eye=10.0,
    change_eyelid=10.0,
    change_expression=100.0,
)


def angles(tracking, truth) -> torch.Tensor:
    """(T,) degrees between the fitted and the true rotation of the head."""
    turn = truth.rotation.transpose(1, 2) @ tracking.state.rotation
    return torch.rad2deg(matrix_to_axis_angle(turn).norm(dim=1))


def test_exact_landmarks_give_the_truth(toy, monkeypatch):
    # Every landmark counts alike and to the end, so that only the arithmetic stands between the fit and the truth.
    monkeypatch.setattr("partnerface.tracking.scheme.base_weights", lambda: np.ones(478))
    monkeypatch.setattr("partnerface.tracking.scheme.iris_visibility", lambda points, *_: np.ones(points.shape[:2]))
    truth, points = toy.clip(24)
    options = FitOptions(offset_rounds=0, priors=LOOSE)
    tracking = fit_clip(toy.model, points, np.ones(24, bool), toy.size, options=options)
    assert np.nanmax(tracking.error_px) < 0.1
    assert angles(tracking, truth).max() < 0.2
    assert abs(float(tracking.state.log_focal.exp()) / toy.focal - 1) < 0.01
    torch.testing.assert_close(tracking.state.shape, truth.shape, atol=0.05, rtol=0)
    torch.testing.assert_close(tracking.state.expression, truth.expression, atol=0.05, rtol=0)
    torch.testing.assert_close(tracking.state.jaw, truth.jaw, atol=0.01, rtol=0)


def test_noisy_landmarks_are_bounded_and_smoother(toy):
    truth, points = toy.clip(60)
    noisy = points + np.random.default_rng(0).normal(0, 1.0, points.shape)
    tracking = fit_clip(toy.model, noisy, np.ones(60, bool), toy.size)
    off = np.linalg.norm(tracking.landmarks_px - points[..., :2], axis=-1)
    raw = np.linalg.norm(noisy[..., :2] - points[..., :2], axis=-1)
    assert off.mean() < 0.7 * raw.mean()
    assert angles(tracking, truth).median() < 1.0
    jaw, true_jaw = tracking.state.jaw[:, 0].numpy(), truth.jaw[:, 0].numpy()
    assert np.corrcoef(jaw, true_jaw)[0, 1] > 0.95
    assert abs(float(tracking.state.log_focal.exp()) / toy.focal - 1) < 0.2


def test_missing_frames_are_bridged_and_marked(toy):
    truth, points = toy.clip(60)
    found = np.ones(60, bool)
    found[[0, 30, 31, 59]] = False
    points[~found] = np.nan
    tracking = fit_clip(toy.model, points, found, toy.size)
    assert (tracking.bridged == ~found).all()
    assert np.isnan(tracking.error_px[~found]).all()
    assert np.isfinite(tracking.error_px[found]).all()
    assert angles(tracking, truth)[30:32].max() < 3.0
    for name, values in tracking.arrays().items():
        if name not in ("error_px", "head_name"):
            assert np.isfinite(values).all(), name


def test_same_input_same_bits(toy):
    _, points = toy.clip(12)
    first, second = (fit_clip(toy.model, points, np.ones(12, bool), toy.size).arrays() for _ in range(2))
    for name in first:
        assert np.array_equal(first[name], second[name]), name


def test_nothing_is_looked_at_of_landmarks_with_weight_zero(toy):
    _, points = toy.clip(20)
    weights = halves().astype(float)
    # Fewer keyframes than frames, so that the choice of the keyframes is tried too.
    options, found = FitOptions(keyframes=8), np.ones(20, bool)
    other = points + np.random.default_rng(0).normal(0, 20.0, points.shape) * (weights == 0)[:, None]
    first, second = (
        fit_clip(toy.model, some, found, toy.size, options=options, landmark_weights=weights)
        for some in (points, other)
    )
    a, b = first.arrays(), second.arrays()
    for name in set(a) - {"error_px"}:
        assert np.array_equal(a[name], b[name]), name
    # The unseen ones follow the seen ones on the surface.
    off = np.linalg.norm(first.landmarks_px - points[..., :2], axis=-1)[:, weights == 0]
    assert off.mean() < 2.0


def test_no_landmarks_at_all_is_a_clear_error(toy):
    with pytest.raises(InputError, match="no frame has landmarks"):
        fit_clip(toy.model, np.zeros((4, 478, 3), np.float32), np.zeros(4, bool), toy.size)


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_clips_are_fitted(toy, count):
    _, points = toy.clip(count)
    tracking = fit_clip(toy.model, points, np.ones(count, bool), toy.size)
    assert np.nanmax(tracking.error_px) < 2.0


def test_nothing_is_smoothed_across_a_cut(toy):
    truth, points = toy.clip(40)
    order = np.r_[0:5, 30:35]
    time = np.arange(10) / 30 + 60 * (np.arange(10) >= 5)
    tracking = fit_clip(toy.model, points[order], np.ones(10, bool), toy.size, time_s=time)
    assert np.nanmax(tracking.error_px) < 2.0
    assert angles(tracking, truth.frames(torch.as_tensor(order))).max() < 3.0


def test_a_fixed_focal_length_stays(toy):
    _, points = toy.clip(12)
    tracking = fit_clip(toy.model, points, np.ones(12, bool), toy.size, options=FitOptions(fixed_focal=900.0))
    assert abs(float(tracking.state.log_focal.exp()) - 900.0) < 1.0


def test_steps_are_announced(toy):
    _, points = toy.clip(8)
    steps: list[int] = []
    fit_clip(toy.model, points, np.ones(8, bool), toy.size, on_step=lambda: steps.append(1))
    assert 1 < len(steps) <= steps_expected(FitOptions(), 8)


@pytest.mark.parametrize("frames", [1, 2000, 2001, 2150, 3881, 10_000])
def test_stretches_keep_every_frame_once(frames):
    kept = np.concatenate([np.arange(frames)[part][inner] for part, inner in stretches(frames)])
    np.testing.assert_array_equal(kept, np.arange(frames))
    assert all(part.stop - part.start <= fit.STRETCH for part, _ in stretches(frames))


def test_a_long_clip_in_stretches_is_fitted_like_a_short_one(toy, monkeypatch):
    _, points = toy.clip(80)
    found = np.ones(80, bool)
    whole = fit_clip(toy.model, points, found, toy.size)
    monkeypatch.setattr(fit, "STRETCH", 40)
    monkeypatch.setattr(fit, "OVERLAP", 20)
    steps: list[int] = []
    parts = fit_clip(toy.model, points, found, toy.size, on_step=lambda: steps.append(1))
    assert len(steps) <= steps_expected(FitOptions(), 80)
    # The same to a tenth of a pixel, at the seams too.
    off = np.linalg.norm(parts.landmarks_px - whole.landmarks_px, axis=-1)
    assert off.max() < 0.1
    assert abs(float((parts.state.log_focal - whole.state.log_focal).exp()) - 1) < 0.05


def test_clips_of_two_cameras_have_focal_lengths_of_their_own(toy):
    """The second clip: twice the focal length from twice as far, faces of one size with half the perspective."""
    truth, points = toy.clip(48)
    second = np.arange(48) >= 24
    far = dataclasses.replace(truth, log_focal=truth.log_focal + np.log(2.0))
    seen = project(toy.head, far)
    long = torch.cat([seen.pixels + toy.size / 2, seen.depth[..., None]], -1).numpy()
    points = np.where(second[:, None, None], long, points)
    time = np.arange(48) / 30 + 10.0 * second
    options = FitOptions(offset_rounds=0, priors=LOOSE)
    tracking = fit_clip(toy.model, points, np.ones(48, bool), toy.size, time, options, camera=second.astype(int))
    arrays = tracking.arrays()
    assert arrays["focal"].shape == arrays["focal_error"].shape == (48,)
    assert np.ptp(arrays["focal"][:24]) == np.ptp(arrays["focal"][24:]) == 0
    np.testing.assert_allclose(arrays["focal"][[0, 47]], [toy.focal, 2 * toy.focal], rtol=0.05)
    # One focal length for both would be wrong for both.
    one = fit_clip(toy.model, points, np.ones(48, bool), toy.size, time, options)
    assert np.nanmean(one.error_px) > np.nanmean(tracking.error_px)
