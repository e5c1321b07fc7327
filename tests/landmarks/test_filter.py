"""The filter over time: by time stamps, within runs, without lag; and one-euro against its own paper's formula."""

import math
from dataclasses import replace

import numpy as np
import pytest

from partnerface.landmarks.container import Landmarks
from partnerface.landmarks.filter import LONGEST_GAP, SPEED_CUTOFF, SPEED_OPENS, filtered, runs


def clip(points: np.ndarray) -> Landmarks:
    """Landmarks whose points are all moved by (N, 3)."""
    count = len(points)
    rest = np.random.default_rng(0).uniform(0, 100, (1, 68, 3))
    moved = (rest + points[:, None]).astype(np.float32)
    one = np.ones(count, np.float32)
    return Landmarks("ibug68", moved, np.ones(count, bool), one, np.ones((count, 68), np.float32))


def line(time_s: np.ndarray) -> np.ndarray:
    return np.stack([30 * time_s, -10 * time_s, 5 * time_s], 1)


#: Time stamps as phones give them: no two steps alike.
UNEVEN = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.06, 60))


def test_none_changes_nothing() -> None:
    still = clip(line(UNEVEN))
    assert filtered(still, UNEVEN, "none", 0.1) is still


def test_gaussian_passes_steady_motion_unchanged_at_uneven_times() -> None:
    """A filter by index would bend it, one without the slope would drag at both ends."""
    moving = clip(line(UNEVEN))
    np.testing.assert_allclose(filtered(moving, UNEVEN, "gaussian", 0.05).points, moving.points, atol=2e-5)


def test_gaussian_takes_noise_away() -> None:
    time_s = np.arange(200) / 30
    given = clip(np.zeros((200, 3)))
    noisy = given.points + np.random.default_rng(2).normal(0, 1, given.points.shape).astype(np.float32)
    inner = (filtered(replace(given, points=noisy), time_s, "gaussian", 0.1).points - given.points)[20:-20]
    # White noise under Gaussian weights of s frames: its deviation falls to 1 / sqrt(2 s sqrt(pi)).
    assert inner.std() == pytest.approx(1 / math.sqrt(2 * 3 * math.sqrt(math.pi)), rel=0.03)


@pytest.mark.parametrize("kind", ["gaussian", "one-euro"])
def test_nothing_passes_over_a_gap_or_a_lost_face(kind: str) -> None:
    time_s = np.arange(30) / 30
    time_s[15:] += LONGEST_GAP
    steps = np.zeros((30, 3))
    steps[15:] = 50
    moved = clip(steps)
    np.testing.assert_allclose(filtered(moved, time_s, kind, 0.2).points, moved.points, atol=1e-4)

    even = np.arange(30) / 30
    found = np.ones(30, bool)
    found[14] = False
    lost = replace(moved, found=found, points=moved.points * found[:, None, None])
    np.testing.assert_allclose(filtered(lost, even, kind, 0.2).points, lost.points, atol=1e-4)


def test_runs() -> None:
    time_s = np.array([0, 0.1, 0.2, 0.5, 0.6, 0.7, 0.8])
    found = np.array([True, True, True, True, False, True, True])
    assert runs(found, time_s) == [slice(0, 3), slice(3, 4), slice(5, 7)]
    assert runs(np.zeros(3, bool), np.arange(3)) == []


def test_one_euro_is_the_papers() -> None:
    """One point written out after the paper: alpha = 1 / (1 + tau / Te), fc = fc_min + beta |dx|."""
    rng = np.random.default_rng(3)
    way = np.cumsum(rng.normal(0, 1, (60, 3)), 0)
    given = clip(way)
    out = filtered(given, UNEVEN, "one-euro", 0.08).points[:, 7]
    raw = given.points.astype(float)
    edge = np.median(np.ptp(raw[..., :2], axis=1).max(-1))
    x, value, speed = raw[:, 7], raw[0, 7], np.zeros(3)

    def alpha(cutoff: float, step: float) -> float:
        return 1 / (1 + (1 / (2 * math.pi * cutoff)) / step)

    for k in range(1, 60):
        step = UNEVEN[k] - UNEVEN[k - 1]
        a = alpha(SPEED_CUTOFF, step)
        speed = a * (x[k] - x[k - 1]) / step + (1 - a) * speed
        cutoff = 1 / (2 * math.pi * 0.08) + SPEED_OPENS * math.sqrt((speed**2).sum()) / edge
        a = alpha(cutoff, step)
        value = a * x[k] + (1 - a) * value
        np.testing.assert_allclose(out[k], value, atol=1e-3)


def test_one_euro_opens_with_speed() -> None:
    time_s = np.arange(60) / 30
    still = clip(np.random.default_rng(4).normal(0, 0.5, (60, 3)))
    assert filtered(still, time_s, "one-euro", 0.2).points[10:].std(0).mean() < 0.5 * still.points[10:].std(0).mean()
    quick = clip(np.stack([400 * time_s, 0 * time_s, 0 * time_s], 1))
    lag = (quick.points - filtered(quick, time_s, "one-euro", 0.2).points)[30:, :, 0].mean()
    assert 0 < lag < 400 * 0.03  # at rest it would be the time constant's 0.2 s
