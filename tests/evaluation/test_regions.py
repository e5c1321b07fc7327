"""Regions against hulls worked out by hand, MediaPipe's own index lists and scikit-image's polygons."""

import numpy as np
import pytest
from skimage.draw import polygon2mask
from skimage.morphology import convex_hull_image

from partnerface.conventions import CLASS_NAMES
from partnerface.evaluation.regions import (
    LEFT_EYE,
    OUTER_LIPS,
    RIGHT_EYE,
    convex_hull,
    dilated_hull,
    face_length,
    region_masks,
)


def test_convex_hull_of_a_square_with_a_point_inside():
    hull = convex_hull(np.array([[0, 0], [2, 0], [1, 1], [2, 2], [0, 2], [1, 0]]))
    assert {tuple(corner) for corner in hull} == {(0, 0), (2, 0), (2, 2), (0, 2)}


def test_convex_hull_holds_all_points():
    points = np.random.default_rng(0).random((50, 2)) * 20
    hull = convex_hull(points)
    edge = np.roll(hull, -1, 0) - hull
    offset = points[:, None] - hull
    cross = edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]
    assert (cross >= -1e-9).all()


def test_dilated_hull_of_one_point_is_a_disc():
    mask = dilated_hull(np.array([[4.5, 3.5]]), 1.0, 8, 10)
    rows, columns = np.nonzero(mask)
    assert sorted(zip(rows, columns, strict=True)) == [(2, 4), (3, 3), (3, 4), (3, 5), (4, 4)]


def test_dilated_hull_of_a_line_and_a_box_by_hand():
    line = dilated_hull(np.array([[2.5, 4.5], [5.5, 4.5]]), 1.0, 8, 10)
    assert line.sum() == 4 * 3 + 2
    box = np.array([[2.0, 2.0], [5.0, 2.0], [5.0, 6.0], [2.0, 6.0]])
    assert np.array_equal(np.argwhere(dilated_hull(box, 0, 8, 10)).min(0), [2, 2])
    assert dilated_hull(box, 0, 8, 10).sum() == 4 * 3
    assert dilated_hull(box, 0.5, 8, 10).sum() == 4 * 3 + 4 + 4 + 3 + 3


def test_dilated_hull_without_dilation_like_skimage():
    points = np.random.default_rng(3).random((12, 2)) * 40
    ours = dilated_hull(points, 0, 40, 40)
    hull = convex_hull(points)
    theirs = polygon2mask((40, 40), hull[:, ::-1] - 0.5)  # its pixel centres lie at integers
    assert np.array_equal(ours, theirs)
    assert np.array_equal(convex_hull_image(ours, offset_coordinates=False), ours)


def test_dilated_hull_outside_the_image_is_empty_and_across_the_border_is_cut():
    assert not dilated_hull(np.array([[-9.0, -9.0]]), 2, 8, 8).any()
    assert not dilated_hull(np.array([[20.0, 3.0], [25.0, 3.0], [25.0, 9.0]]), 2, 8, 8).any()
    assert dilated_hull(np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]), 0, 8, 8)[0, 0]


def test_indices_are_mediapipes():
    connections = pytest.importorskip("mediapipe.python.solutions.face_mesh_connections")
    assert set(RIGHT_EYE) == {i for edge in connections.FACEMESH_RIGHT_EYE for i in edge}
    assert set(LEFT_EYE) == {i for edge in connections.FACEMESH_LEFT_EYE for i in edge}
    lips = {frozenset(edge) for edge in connections.FACEMESH_LIPS}
    loop = {frozenset(edge) for edge in zip(OUTER_LIPS, OUTER_LIPS[1:] + OUTER_LIPS[:1], strict=True)}
    assert loop <= lips


def landmarks(scale: float = 1.0) -> np.ndarray:
    points = np.zeros((478, 2))
    points[33], points[263] = (20, 30), (60, 30)
    points[10], points[2] = (40, 5), (40, 35)
    points[list(OUTER_LIPS)] = (40, 55)
    points[list(RIGHT_EYE)[1:]] = (28, 30)
    points[list(LEFT_EYE)[1:]] = (52, 30)
    return points * scale


def test_face_length_takes_the_greater_distance():
    assert face_length(landmarks()) == 40
    turned = landmarks()
    turned[263] = (30, 30)
    assert face_length(turned) == 30


def test_region_masks():
    classes = np.zeros((80, 80), np.uint8)
    classes[10:60, 20:60] = CLASS_NAMES.index("skin")
    classes[28:32, 22:30] = CLASS_NAMES.index("eyes")
    classes[0:10, 20:60] = CLASS_NAMES.index("hair")
    classes[60:70, 20:60] = CLASS_NAMES.index("neck")
    masks = region_masks(classes, landmarks())
    assert list(masks) == ["full", "face", "mouth", "eyes"]
    assert masks["full"] is None
    face, mouth, eyes = (np.asarray(masks[name]) for name in ("face", "mouth", "eyes"))
    assert face.sum() == 50 * 40
    y, x = np.mgrid[:80, :80] + 0.5
    assert np.array_equal(mouth, np.hypot(x - 40, y - 55) <= 4)  # a tenth of 40 px around the one point
    assert eyes[30, [17, 62]].all()
    assert not eyes[30, 40]


@pytest.mark.parametrize("missing", [None, np.full((478, 2), np.nan)])
def test_a_region_that_is_not_there_is_left_out(missing):
    classes = np.zeros((8, 8), np.uint8)
    assert list(region_masks(classes, missing)) == ["full"]
