"""Skin as an elastic sheet, on sheets whose rest can be told beforehand."""

import numpy as np
import pytest

from partnerface.head.builtin.correctives import rotation
from partnerface.head.builtin.elastic import Sheet, nearest_rotations


def grid(size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """A square of unit cells in the plane z = 0."""
    y, x = np.mgrid[:size, :size]
    vertices = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1).astype(float)
    corner = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).ravel()
    faces = [[corner, corner + 1, corner + size], [corner + 1, corner + size + 1, corner + size]]
    return vertices, np.concatenate([np.stack(part, 1) for part in faces])


NO_SPRINGS = np.zeros((0, 2), dtype=int)


def still(count: int) -> np.ndarray:
    return np.broadcast_to(np.eye(3), (count, 3, 3))


def test_a_sheet_turned_as_a_whole_is_at_rest():
    vertices, faces = grid()
    turn, shift = rotation(np.array([0.3, -0.5, 0.9])), np.array([1.0, 2.0, 3.0])
    sheet = Sheet.of(vertices, faces, NO_SPRINGS, 0.0, np.where(vertices[:, 0] == 0, 1.0, 0.0))
    moved = sheet.settle(vertices @ turn.T + shift, np.broadcast_to(turn, (len(vertices), 3, 3)), rounds=10)
    assert np.allclose(moved, vertices @ turn.T + shift)


def test_a_sheet_that_is_pulled_apart_stretches_evenly():
    vertices, faces = grid(9)
    ends = (vertices[:, 0] == 0) | (vertices[:, 0] == 8)
    sheet = Sheet.of(vertices, faces, NO_SPRINGS, 0.0, np.where(ends, 1e3, 0.0))
    moved = sheet.settle(vertices * [1.5, 1, 1], still(len(vertices)), rounds=20)
    assert np.allclose(moved, vertices * [1.5, 1, 1], atol=0.05)


def test_skin_that_is_pushed_together_shortens_and_does_not_buckle():
    vertices, faces = grid()
    ends = (vertices[:, 0] == 0) | (vertices[:, 0] == 5)
    bumped = vertices + [0.0, 0.0, 1.0] * (np.abs(vertices[:, :1] - 2.5) < 1) * 0.01
    sheet = Sheet.of(bumped, faces, NO_SPRINGS, 0.0, np.where(ends, 1e3, 0.0))
    moved = sheet.settle(bumped * [0.6, 1, 1], still(len(vertices)), rounds=50)
    assert np.abs(moved[:, 2]).max() < 0.05
    assert np.ptp(moved[:, 0]) == pytest.approx(3.0, abs=0.01)


def test_a_spring_keeps_two_sheets_apart():
    vertices, faces = grid(3)
    count = len(vertices)
    both = np.concatenate([vertices, vertices + np.array([0, 0, 1])])
    faces = np.concatenate([faces, faces + count])
    springs = np.stack([np.arange(count), count + np.arange(count)], 1)
    pull = np.concatenate([np.full(count, 1e3), np.zeros(count)])
    goal = both + np.concatenate([np.zeros((count, 3)), np.tile([0, 0, -0.5], (count, 1))])
    moved = Sheet.of(both, faces, springs, 5.0, pull).settle(goal, still(2 * count), rounds=20)
    assert np.allclose(moved[count:, 2] - moved[:count, 2], 1.0, atol=0.01)


def test_nearest_rotations_are_rotations():
    matrices = np.random.default_rng(0).normal(size=(20, 3, 3))
    found = nearest_rotations(matrices)
    assert np.allclose(found @ found.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(found), 1)
    turn = rotation(np.array([0.2, 0.4, -0.3]))
    assert np.allclose(nearest_rotations((2 * turn)[None])[0], turn)
