"""The subject's own surface: static displacements of landmarks, and the head that carries them."""

from dataclasses import fields
from typing import Any

import numpy as np
import torch

from partnerface.head.points import LEFT_IRIS
from partnerface.tracking.fit import FitOptions, fit_clip
from partnerface.tracking.landmark_head import landmark_head
from partnerface.tracking.personal import personal_head
from partnerface.tracking.priors import Priors
from partnerface.tracking.projection import project


def bump(model, height: float = 0.004) -> np.ndarray:
    """A displacement (V, 3) out of the face that the toy head's shape basis doesn't hold."""
    x, y, _ = model.template.T
    return np.outer(np.exp(-((x - 0.02) ** 2 + (y + 0.02) ** 2) / 0.015**2), [0, 0, height]).astype(np.float32)


def test_a_subject_unlike_the_model_is_followed(toy):
    other = toy.model.with_offset(bump(toy.model))
    state, _ = toy.clip(30)
    seen = project(landmark_head(other), state)
    points = torch.cat([seen.pixels + toy.size / 2, seen.depth[..., None]], -1).numpy()
    found = np.ones(30, bool)
    # Hardly any smoothing: the toy moves fast, and only the surface is asked for here.
    changes: dict[str, Any] = {item.name: 1.0 for item in fields(Priors) if item.name.startswith("change_")}
    priors = Priors(**changes)
    plain, own = (
        fit_clip(toy.model, points, found, toy.size, options=FitOptions(offset_rounds=rounds, priors=priors))
        for rounds in (0, 3)
    )
    assert np.nanmean(own.error_px) < 0.8 * np.nanmean(plain.error_px)
    assert own.model.name == toy.model.name


def test_personal_head_moves_the_landmarks_and_fades(toy):
    model = toy.model
    offsets = np.zeros((478, 3))
    offsets[:, 2] = 0.003
    moved = personal_head(model, offsets)
    shift = moved.template - model.template
    assert not moved.problems()
    landmarks = np.einsum("lk,lkc->lc", model.mediapipe_weights, shift[model.mediapipe_faces])
    skin = model.skinning_weights[:, 3:].max(1) < 0.5
    steady = skin[model.mediapipe_faces].all(1)
    assert np.abs(landmarks[steady, 2] - 0.003).mean() < 3e-4
    far = np.linalg.norm(model.template[:, None] - landmark_head(model).rest.numpy(), axis=-1).min(1) > 0.06
    assert np.abs(shift[far]).max(initial=0) < 1e-6


def test_eyeballs_shift_as_a_whole(toy):
    offsets = np.random.default_rng(0).normal(0, 0.002, (478, 3))
    shift = personal_head(toy.model, offsets).template - toy.model.template
    ball = shift[toy.model.skinning_weights[:, 3] > 0.5]
    np.testing.assert_allclose(ball, np.broadcast_to(offsets[list(LEFT_IRIS)].mean(0), ball.shape), atol=1e-7)
