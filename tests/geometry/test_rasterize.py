import numpy as np
import pytest

from partnerface.geometry.rasterize import interpolate, rasterize

CORNER = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
FACE = np.array([[0, 1, 2]])


def test_pixels_whose_centres_lie_inside_or_on_the_edge():
    face_id, _, _ = rasterize(CORNER, np.ones(3), FACE, 5, 5)
    # The diagonal x + y = 4 runs through the centres (3.5, 0.5), (2.5, 1.5), …: they belong to the triangle.
    assert (face_id == 0).sum(1).tolist() == [4, 3, 2, 1, 0]
    assert face_id.dtype == np.int32
    assert set(np.unique(face_id)) == {-1, 0}


def test_barycentric_weights_by_hand():
    _, weights, depth = rasterize(CORNER, np.array([2.0, 2.0, 2.0]), FACE, 5, 5)
    # At (1.5, 0.5): 0.5 / 4 of the third corner, 1.5 / 4 of the second, the rest of the first.
    assert np.allclose(weights[0, 1], [0.5, 0.375, 0.125])
    assert np.allclose(depth[0, 1], 2.0)
    assert weights[4, 4].tolist() == [0, 0, 0]
    assert np.isinf(depth[4, 4])


def test_perspective_weights_interpolate_in_space():
    # An edge from depth 1 to depth 3: the image's middle is a quarter of the way in space, at depth 1.5.
    vertices = np.array([[0.0, -10.0], [0.0, 10.0], [2.0, 0.0]])
    _, weights, depth = rasterize(vertices, np.array([1.0, 1.0, 3.0]), FACE, 1, 2)
    # Pixel centre (0.5, 0.5): a quarter of the way from the left edge in the image, so 0.25 / 3 against 0.75 / 1.
    share = (0.25 / 3) / (0.25 / 3 + 0.75)
    assert np.isclose(weights[0, 0, 2], share)
    assert np.isclose(depth[0, 0], 1 + 2 * share)
    _, flat, depth = rasterize(vertices, np.array([1.0, 1.0, 3.0]), FACE, 1, 2, perspective=False)
    assert np.isclose(flat[0, 0, 2], 0.25)
    assert np.isclose(depth[0, 0], 1.5)


def test_the_nearer_triangle_wins_whatever_the_order():
    vertices = np.concatenate([CORNER, CORNER])
    depth = np.array([3.0, 3, 3, 2, 2, 2])
    for faces, near in (([[0, 1, 2], [3, 4, 5]], 1), ([[3, 4, 5], [0, 1, 2]], 0)):
        face_id, _, buffer = rasterize(vertices, depth, np.array(faces), 4, 4)
        assert face_id[0, 0] == near
        assert buffer[0, 0] == 2


def test_crossing_triangles_are_settled_per_pixel():
    vertices = np.array([[0.0, -9.0], [0.0, 9.0], [8.0, 0.0], [8.0, 9.0], [8.0, -9.0], [0.0, 0.0]])
    depth = np.array([1.0, 1, 3, 1, 1, 3])
    face_id, _, _ = rasterize(vertices, depth, np.array([[0, 1, 2], [3, 4, 5]]), 1, 8)
    assert face_id[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_equally_near_triangles_go_to_the_lower_index():
    vertices = np.concatenate([CORNER, CORNER])
    face_id, _, _ = rasterize(vertices, np.ones(6), np.array([[3, 4, 5], [0, 1, 2]]), 4, 4)
    assert face_id[0, 0] == 0


def test_a_quad_of_two_triangles_has_no_gap():
    square = np.array([[0.3, 0.3], [7.7, 0.3], [7.7, 7.7], [0.3, 7.7]])
    face_id, _, _ = rasterize(square, np.ones(4), np.array([[0, 1, 2], [0, 2, 3]]), 8, 8)
    assert (face_id >= 0).all()


def test_culling_keeps_what_runs_counter_clockwise_on_the_screen():
    clockwise = rasterize(CORNER, np.ones(3), FACE, 4, 4, cull=True)[0]
    counter = rasterize(CORNER, np.ones(3), FACE[:, ::-1], 4, 4, cull=True)[0]
    assert (clockwise < 0).all()
    assert (counter >= 0).any()


@pytest.mark.parametrize("depth", [[1.0, 1.0, 0.0], [1.0, -2.0, 1.0]])
def test_triangles_at_or_behind_the_camera_are_left_out(depth: list[float]):
    assert (rasterize(CORNER, np.array(depth), FACE, 4, 4)[0] < 0).all()


def test_triangles_beyond_the_image_are_cut_at_its_border():
    face_id, _, _ = rasterize(np.array([[-50.0, -50], [60, -50], [-50, 60]]), np.ones(3), FACE, 4, 4)
    assert (face_id >= 0).all()
    assert (rasterize(CORNER + 100, np.ones(3), FACE, 4, 4)[0] < 0).all()


def test_the_cut_into_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(5)
    vertices, depth = random.uniform(-5, 45, (60, 2)), random.uniform(1, 2, 60)
    faces = random.integers(0, 60, (80, 3))
    whole = rasterize(vertices, depth, faces, 40, 40)
    monkeypatch.setattr("partnerface.geometry.rasterize.CHUNK", 97)
    for a, b in zip(whole, rasterize(vertices, depth, faces, 40, 40), strict=True):
        assert np.array_equal(a, b)


def test_interpolate_is_linear_over_a_flat_triangle():
    face_id, weights, _ = rasterize(CORNER, np.ones(3), FACE, 4, 4)
    shown = interpolate(face_id, weights, FACE, CORNER)
    assert np.allclose(shown[1, 2], [2.5, 1.5], atol=1e-6)
    assert shown[3, 3].tolist() == [0, 0]
