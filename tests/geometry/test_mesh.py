import numpy as np
import pytest

from partnerface.geometry.mesh import (
    boundary_loops,
    edges,
    laplacian,
    mirror_partners,
    smooth_field,
    subdivide,
    vertex_normals,
)

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def strip(count: int) -> tuple[np.ndarray, np.ndarray]:
    """A band of squares along x."""
    bottom = np.stack([np.arange(count), np.zeros(count), np.zeros(count)], 1).astype(float)
    vertices = np.concatenate([bottom, bottom + np.array([0, 1, 0])])
    k = np.arange(count - 1)
    faces = np.concatenate([np.stack([k, k + 1, k + count], 1), np.stack([k + 1, k + 1 + count, k + count], 1)])
    return vertices, faces


def octahedron() -> tuple[np.ndarray, np.ndarray]:
    vertices = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return vertices, np.array(faces)


def test_edges_and_boundary_of_a_square():
    assert edges(SQUARE_FACES).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]]
    assert boundary_loops(SQUARE_FACES) == [[0, 1, 2, 3]]


def test_a_closed_surface_has_no_boundary_and_outward_normals():
    vertices, faces = octahedron()
    assert boundary_loops(faces) == []
    assert np.allclose(vertex_normals(vertices, faces), vertices)


def test_subdivision_keeps_vertices_and_rounds_towards_the_sphere():
    vertices, faces = octahedron()
    finer, smaller, pairs = subdivide(vertices, faces)
    assert np.array_equal(finer[:6], vertices)
    assert smaller.shape == (32, 3)
    assert finer.shape == (6 + 12, 3)
    assert boundary_loops(smaller) == []
    flat = np.linalg.norm(vertices[pairs].mean(1), axis=1)
    round_ = np.linalg.norm(finer[6:], axis=1)
    assert (round_ > flat + 0.1).all()
    assert (round_ < 1.1).all()


def test_flat_meshes_stay_flat():
    finer, _, _ = subdivide(SQUARE, SQUARE_FACES)
    assert np.allclose(finer[:, 2], 0)
    assert np.allclose(finer[4:], SQUARE[edges(SQUARE_FACES)].mean(1))


def test_laplacian_kills_constants_and_linear_fields_inside():
    vertices, faces = strip(6)
    operator, area = laplacian(vertices, faces)
    assert np.allclose(operator @ np.ones(12), 0)
    assert np.isclose(area.sum(), 5.0)


def test_harmonic_field_is_a_ramp_between_its_ends():
    vertices, faces = strip(6)
    ends = np.array([0, 6, 5, 11])
    field = smooth_field(*laplacian(vertices, faces), ends, np.array([0.0, 0, 1, 1]), order=1)
    assert np.allclose(field, vertices[:, 0] / 5, atol=5e-3)


def test_biharmonic_field_reproduces_its_values_and_vectors():
    vertices, faces = strip(9)
    values = np.array([[1.0, 0], [0, 2], [3, 3]])
    field = smooth_field(*laplacian(vertices, faces), np.array([0, 4, 17]), values)
    assert field.shape == (18, 2)
    assert np.allclose(field[[0, 4, 17]], values)


def test_mirror_partners():
    vertices = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 3, 1]])
    assert mirror_partners(vertices).tolist() == [1, 0, 2]
    with pytest.raises(ValueError, match="not symmetric"):
        mirror_partners(vertices + np.array([[0.1, 0, 0], [0, 0, 0], [0, 0, 0]]))
