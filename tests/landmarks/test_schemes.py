"""Which point is which: tables against each other, against the measured face, and on a real face."""

import numpy as np
import pytest

from partnerface.head.builtin import face as measured
from partnerface.landmarks import schemes
from partnerface.landmarks.mesh import FaceMesh
from partnerface.landmarks.region import Region
from partnerface.landmarks.schemes import GROUPS, flip, group, iris_centres, iris_contours, mirror, to_ibug68
from tests.faces import portrait

pytest.importorskip("mediapipe")


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """MediaPipe's points (478, 3) of the portrait, px of a picture 512 wide."""
    box = np.array([0.37, 0.2, 0.58, 0.42]) * 512
    with FaceMesh() as mesh:
        region = Region.of_box(box)
        for _ in range(3):
            found = mesh(portrait(512), region)
            assert found is not None
            region = Region.of_points(found.points)
    return found.points


@pytest.mark.parametrize("scheme", ["mediapipe478", "ibug68"])
def test_a_mirror_is_its_own_inverse_and_swaps_the_sides(scheme: str) -> None:
    swap = mirror(scheme)
    np.testing.assert_array_equal(swap[swap], np.arange(schemes.SCHEMES[scheme]))
    for name, members in GROUPS[scheme].items():
        other = name.replace("left", "?").replace("right", "left").replace("?", "right")
        assert {int(swap[point]) for point in members} == set(GROUPS[scheme][other]), name


def test_the_road_to_68_commutes_with_the_mirror() -> None:
    way = np.array(schemes.IBUG_OF_MEDIAPIPE)
    assert len(set(way)) == 68
    np.testing.assert_array_equal(mirror("mediapipe478")[way], way[mirror("ibug68")])


def test_the_mesh_is_the_measured_one() -> None:
    face = measured.load_face()
    np.testing.assert_array_equal(mirror("mediapipe478"), face.mirror)
    np.testing.assert_array_equal(schemes.triangles(), face.faces)


@pytest.mark.parametrize(
    "name", ["left_eye", "right_eye", "lips_outer", "lips_inner", "oval", "left_iris", "right_brow", "left_brow"]
)
def test_loops_do_not_cross_themselves(name: str) -> None:
    loop = group(measured.load_face().points[:, :2], "mediapipe478", name)
    count = len(loop)

    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> bool:
        return bool((b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0]))

    for i in range(count):
        for j in range(i + 2, count - (i == 0)):
            a, b, c, d = loop[i], loop[(i + 1) % count], loop[j], loop[(j + 1) % count]
            assert side(a, b, c) == side(a, b, d) or side(c, d, a) == side(c, d, b), (name, i, j)


def test_68_points_lie_in_the_order_of_a_face(points: np.ndarray) -> None:
    """The portrait looks nearly into the camera, upright: iBUG's order holds in x and y of the picture."""
    flat = to_ibug68(points)[:, :2]
    assert flat.shape == (68, 2)
    jaw, eyes = flat[:17], np.linalg.norm(flat[36] - flat[45])
    assert (np.diff(jaw[:, 0]) > -0.02 * eyes).all(), "the jaw goes from the subject's right to the left"
    assert jaw[8, 1] > max(jaw[0, 1], jaw[16, 1]) + 0.5 * eyes, "by way of the chin"
    for low, high in ((17, 22), (22, 27), (31, 36)):
        assert (np.diff(flat[low:high, 0]) > 0).all()
    assert (np.diff(flat[27:31, 1]) > 0).all(), "the nose goes down"
    for start in (36, 42):
        eye = flat[start : start + 6]
        assert eye[0, 0] < eye[1, 0] < eye[2, 0] < eye[3, 0]
        assert eye[5, 0] < eye[4, 0]
        assert (eye[1:3, 1] < eye[[5, 4], 1]).all(), "upper lid above lower lid"
    assert flat[36, 0] < flat[39, 0] < flat[42, 0] < flat[45, 0]
    assert flat[17:22, 1].max() < flat[36:42, 1].min(), "the brow is above its eye"
    mouth = flat[48:60]
    assert (np.diff(mouth[:7, 0]) > 0).all()
    assert mouth[3, 1] < mouth[9, 1]
    assert flat[48, 0] < flat[60, 0] < flat[64, 0] < flat[54, 0], "inner corners between the outer ones"
    assert flat[51, 1] < flat[62, 1] <= flat[66, 1] < flat[57, 1]
    # A face's proportions, in distances of the outer eye corners.
    assert 0.25 < np.linalg.norm(flat[36] - flat[39]) / eyes < 0.4
    assert 0.4 < np.linalg.norm(flat[48] - flat[54]) / eyes < 0.9
    assert 1.3 < np.linalg.norm(jaw[0] - jaw[16]) / eyes < 1.8
    assert 1.0 < np.linalg.norm(flat[27] - flat[8]) / eyes < 1.6


def test_irises_lie_in_their_eyes(points: np.ndarray) -> None:
    centres, contours = iris_centres(points), iris_contours(points)
    assert centres.shape == (2, 3)
    assert contours.shape == (2, 4, 3)
    for side, name in enumerate(("left_eye", "right_eye")):
        eye = group(points, "mediapipe478", name)[:, :2]
        low, high = eye.min(0), eye.max(0)
        assert (low < centres[side, :2]).all()
        assert (centres[side, :2] < high).all()
        radius = np.linalg.norm(contours[side, :, :2] - centres[side, :2], axis=1)
        assert radius.max() < 1.35 * radius.min()
        assert 0.3 < 2 * radius.mean() / (high[0] - low[0]) < 0.6


def test_a_flip_is_what_the_mirrored_picture_shows(points: np.ndarray) -> None:
    picture = np.ascontiguousarray(portrait(512)[:, ::-1])
    expected = flip(points, "mediapipe478", 512)
    with FaceMesh() as mesh:
        found = mesh(picture, Region.of_points(expected))
    assert found is not None
    eyes = np.linalg.norm(points[33, :2] - points[263, :2])
    off = np.linalg.norm((found.points - expected)[:, :2], axis=1) / eyes
    assert off.mean() < 0.03
    unflipped = points.copy()
    unflipped[:, 0] = 512 - unflipped[:, 0]
    assert np.linalg.norm((found.points - unflipped)[:, :2], axis=1).mean() / eyes > 0.3
    np.testing.assert_allclose(flip(expected, "mediapipe478", 512), points)
