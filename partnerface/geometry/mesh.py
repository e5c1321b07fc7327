"""Triangle meshes: topology, normals, subdivision, smooth fields over the surface. numpy; scipy inside functions."""

from typing import Any

import numpy as np


def edges(faces: np.ndarray) -> np.ndarray:
    """(n, 2) undirected edges of triangles (F, 3), each once, smaller index first, sorted."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def boundary_loops(faces: np.ndarray) -> list[list[int]]:
    """Closed loops of vertices along edges that belong to one triangle, in the direction of those triangles' edges."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = {(int(a), int(b)) for a, b in pairs}
    following = {a: b for a, b in sorted(present) if (b, a) not in present}
    loops = []
    while following:
        start, vertex = next(iter(following.items()))
        loop = [start]
        del following[start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(loop)
    return loops


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals, area-weighted over the triangles around each vertex; zero for a vertex in no triangle."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(out, faces[:, corner], normal)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-20)


def subdivide(
    vertices: np.ndarray, faces: np.ndarray, roundness: float = 0.75
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split each triangle in four; old vertices keep their index and place, edge midpoints follow.

    A midpoint is lifted towards the mean of its projections on the tangent planes at both ends (Phong tessellation,
    Boubekeur and Alexa 2008), `roundness` of the way, so that a coarse mesh gains curvature and not only triangles.

    Returns:
        vertices (V + n, 3), faces (4 F, 3), and the (n, 2) edges whose midpoints were added.
    """
    pairs = edges(faces)
    normals = vertex_normals(vertices, faces)
    middle = vertices[pairs].mean(1)
    lifted = np.zeros_like(middle)
    for end in range(2):
        place, normal = vertices[pairs[:, end]], normals[pairs[:, end]]
        lifted += 0.5 * (middle - ((middle - place) * normal).sum(1, keepdims=True) * normal)
    middle = middle + roundness * (lifted - middle)
    index = {(int(a), int(b)): len(vertices) + number for number, (a, b) in enumerate(pairs)}
    new = []
    for a, b, c in faces.tolist():
        ab, bc, ca = (index[min(p, q), max(p, q)] for p, q in ((a, b), (b, c), (c, a)))
        new += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([vertices, middle]), np.array(new, dtype=faces.dtype), pairs


def laplacian(vertices: np.ndarray, faces: np.ndarray) -> tuple[Any, np.ndarray]:
    """The cotangent Laplacian (V, V), sparse and positive semi-definite, and the lumped vertex areas (V,).

    Cotangents are clamped to [0.02, 10], so that needles neither cut the mesh apart nor rule it (Pinkall and Polthier
    1993 for the formula).
    """
    from scipy.sparse import coo_matrix, diags

    count = len(vertices)
    rows, columns, values = [], [], []
    area = np.zeros(count)
    for corner in range(3):
        i, j, k = faces[:, corner], faces[:, (corner + 1) % 3], faces[:, (corner + 2) % 3]
        u, v = vertices[j] - vertices[i], vertices[k] - vertices[i]
        double = np.linalg.norm(np.cross(u, v), axis=1)
        weight = 0.5 * np.clip((u * v).sum(1) / np.maximum(double, 1e-20), 0.02, 10)
        rows += [j, k]
        columns += [k, j]
        values += [weight, weight]
        np.add.at(area, i, double / 6)
    joined = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    adjacency = coo_matrix(joined, shape=(count, count)).tocsr()
    degree = np.asarray(adjacency.sum(1)).ravel()
    return (diags(degree) - adjacency).tocsr(), np.maximum(area, 1e-12)


def smooth_field(operator: Any, area: np.ndarray, fixed: np.ndarray, values: np.ndarray, order: int = 2) -> np.ndarray:
    """The smoothest field with given values at some vertices.

    Args:
        operator, area: from `laplacian`.
        fixed: (n,) vertices with given values. Each connected part needs one.
        values: (n,) or (n, k).
        order: 1 harmonic (no overshoot, a kink at fixed vertices), 2 biharmonic (smooth there too).

    Returns:
        (V,) or (V, k).
    """
    from scipy.sparse import diags
    from scipy.sparse.linalg import splu

    system: Any = operator if order == 1 else (operator @ diags(1 / area) @ operator).tocsr()
    free = np.setdiff1d(np.arange(operator.shape[0]), fixed)
    out = np.zeros((operator.shape[0], *values.shape[1:]))
    out[fixed] = values
    rows = system[free]
    # A whiff of mass keeps parts without a fixed vertex solvable: they get zero.
    scale = rows[:, free].diagonal().mean() * 1e-12
    matrix = (rows[:, free] + diags(np.full(len(free), scale))).tocsc()
    out[free] = splu(matrix).solve(-(rows[:, fixed] @ values))
    return out


def mirror_partners(vertices: np.ndarray, axis: int = 0) -> np.ndarray:
    """(V,) index of each vertex's mirror image in the plane where `axis` is 0; ValueError when the mesh has none."""
    from scipy.spatial import KDTree

    flipped = vertices.copy()
    flipped[:, axis] *= -1
    found: Any = KDTree(vertices).query(flipped)
    distance, partner = found
    if distance.max() > 1e-5 or not (partner[partner] == np.arange(len(vertices))).all():
        raise ValueError(f"the mesh is not symmetric: a mirror image misses its vertex by {distance.max():.2g}")
    return partner
