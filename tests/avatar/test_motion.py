"""Codes of a motion."""

import math

import pytest
import torch

from partnerface.avatar.motion import Motion, Whitening
from tests.avatar.toy import toy_motion


def test_whitened_codes_have_unit_variance_and_no_correlation():
    torch.manual_seed(0)
    features = torch.randn(400, 3) @ torch.randn(3, 9) + 2
    codes = Whitening.fit(features, 8)(features)
    assert codes.shape[1] <= 3
    torch.testing.assert_close(codes.T @ codes / 399, torch.eye(codes.shape[1]), atol=0.05, rtol=0)


def test_a_ridge_lifts_weak_components_in_part_only():
    torch.manual_seed(0)
    features = torch.randn(4000, 3) * torch.tensor([2.0, 1.0, 0.2])
    deviation = Whitening.fit(features, 3, share=1.0, ridge=0.3)(features).std(0)
    expected = [variance**0.5 / (variance + 0.3 * 4) ** 0.5 for variance in (4.0, 1.0, 0.04)]
    torch.testing.assert_close(deviation, torch.tensor(expected), atol=0.03, rtol=0)


def test_codes_are_clamped_beyond_what_was_learned():
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    code = Whitening.fit(features, 4)(features * 100)
    assert code.abs().max() == 4


def test_constant_features_give_finite_codes():
    code = Whitening.fit(torch.ones(10, 4), 4)(torch.ones(10, 4))
    assert torch.isfinite(code).all()
    assert code.abs().max() < 1e-3


def test_pose_features_are_zero_when_facing_the_camera():
    arrays = toy_motion(1)
    arrays["neck_pose"][:] = [0.0, 0.1, 0.0]
    features = Motion.from_arrays(arrays).pose_features()
    assert features[0, :3].norm().item() == pytest.approx(0.1, abs=1e-4)
    assert features[0, :3].abs().argmax() == 1
    assert math.isclose(features[0, 5].item(), arrays["translation"][0, 2], rel_tol=1e-5)
