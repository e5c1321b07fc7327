"""Two interleaved halves of the landmarks."""

import numpy as np
import pytest

from partnerface.head import points as marks
from partnerface.head.builtin.face import load_face
from partnerface.tracking import scheme
from partnerface.tracking.halves import halves


def test_the_halves_are_equal_and_what_belongs_together_stays_together():
    first = halves()
    assert first.dtype == bool
    assert first.sum() == 239
    np.testing.assert_array_equal(first, first[load_face().mirror])
    assert all(first[a] == first[b] for a, b in scheme.OPENINGS)


@pytest.mark.parametrize(
    "group",
    [
        "OVAL", "OUTER_LIPS", "INNER_LIPS", "RIGHT_EYE", "LEFT_EYE", "RIGHT_BROW", "LEFT_BROW", "NOSE_RIDGE",
        "RIGHT_IRIS", "LEFT_IRIS",
    ],
)  # fmt: skip
def test_both_halves_cover_every_part(group):
    share = halves()[list(getattr(marks, group))].mean()
    assert 0.35 < share < 0.65


def test_every_point_has_near_neighbours_in_the_other_half():
    points, first = load_face().points, halves()
    skin = np.setdiff1d(np.arange(478), marks.IRISES)
    distance = np.linalg.norm(points[skin, None] - points[skin], axis=-1)
    other = first[skin, None] != first[skin]
    nearest_other = np.where(other, distance, np.inf).min(1)
    np.fill_diagonal(distance, np.inf)
    # Among the six nearest landmarks there is one of the other half, and mostly it is the nearest but one or two.
    assert (nearest_other <= np.sort(distance, axis=1)[:, 5] + 1e-12).all()
    assert np.mean(nearest_other <= np.sort(distance, axis=1)[:, 2] + 1e-12) > 0.9
