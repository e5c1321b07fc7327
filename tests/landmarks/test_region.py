"""The square around the face: its geometry, and its steadying."""

import math

import numpy as np
import pytest

from partnerface.head.points import OUTER_EYE_CORNERS
from partnerface.landmarks.region import Region, steady

RIGHT_EYE, LEFT_EYE = OUTER_EYE_CORNERS


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def test_corners_by_hand() -> None:
    region = Region(50.0, 40.0, 20.0, 0.0)
    corners = apply(region.matrix(10), np.array([[0.0, 0], [10, 0], [10, 10]]))
    np.testing.assert_allclose(corners, [[40, 30], [60, 30], [60, 50]])


def test_a_quarter_turn_is_clockwise_as_seen() -> None:
    region = Region(0.0, 0.0, 2.0, math.pi / 2)
    # The square's right edge points down in the picture.
    np.testing.assert_allclose(apply(region.matrix(2), np.array([[2.0, 1.0]])), [[0, 1]], atol=1e-12)


def test_the_square_follows_the_eyes() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (478, 3))
    points[RIGHT_EYE], points[LEFT_EYE] = (20, 30, 0), (80, 90, 0)
    region = Region.of_points(points)
    assert region.angle == pytest.approx(math.pi / 4)
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    assert (region.x, region.y) == pytest.approx(tuple((low + high) / 2))
    assert region.size == pytest.approx(1.5 * (high - low).max())


def test_views_are_relative_to_the_square() -> None:
    moved = Region(10, 20, 100, 0.1).moved(0.02, -0.01, 1.1, 0.2)
    assert (moved.x, moved.y, moved.size, moved.angle) == pytest.approx((12, 19, 110, 0.3))


def test_trembling_is_smoothed_and_jumps_are_not() -> None:
    rng = np.random.default_rng(0)
    regions: list[Region | None] = [
        Region((100 if k < 50 else 300) + rng.normal(), 50 + rng.normal(), 80 + rng.normal(), 0.02 * rng.normal())
        for k in range(100)
    ]
    regions[20] = None
    smooth = steady(regions, 2.0)
    assert smooth[20] is None
    before = np.array([region.x for region in regions if region])
    after = np.array([region.x for region in smooth if region])
    assert np.abs(np.diff(after[:48], 2)).mean() < 0.3 * np.abs(np.diff(before[:48], 2)).mean()
    # Nothing leaks over the jump.
    assert after[48] < 103
    assert after[49] > 297


def test_steady_motion_has_no_lag() -> None:
    regions: list[Region | None] = [Region(2.0 * k, 0.0, 100.0, 0.0) for k in range(30)]
    smooth = steady(regions, 2.0)
    np.testing.assert_allclose([region.x for region in smooth[8:-8] if region], 2.0 * np.arange(8, 22), atol=1e-9)


def test_angles_are_smoothed_around_the_circle() -> None:
    regions: list[Region | None] = [Region(0, 0, 100, math.pi - 0.01 if k % 2 else -math.pi + 0.01) for k in range(20)]
    assert all(abs(abs(region.angle) - math.pi) < 0.02 for region in steady(regions, 2.0) if region)


def test_no_smoothing() -> None:
    regions: list[Region | None] = [Region(1, 2, 3, 0), None]
    assert steady(regions, 0.0) == regions
