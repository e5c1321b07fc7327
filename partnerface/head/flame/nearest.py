"""The nearest place on a surface that looks the same way and rides on the same bone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.geometry.mesh import vertex_normals

#: What turns a normal (unit vector) and a weight on the jaw into metres, so that they count as distance: two lips that
#: touch face each other and ride on different bones.
NORMAL_M, JAW_M = 0.008, 0.02
CANDIDATES = 3  # nearest vertices whose triangles are looked at
CHUNK = 4096


@dataclass
class Hits:
    """Places on a surface: `corners` (n, 3) vertex ids, `weights` (n, 3), `points` (n, 3), `normals` (n, 3),
    `jaw` (n,) the weight on the jaw there, `triangle` (n,)."""

    corners: np.ndarray
    weights: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    jaw: np.ndarray
    triangle: np.ndarray


class SurfaceIndex:
    """A surface that can be asked for its nearest places.

    Args:
        vertices: (V, 3). faces: (F, 3), those that may be found.
        jaw: (V,) weights on the jaw.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, jaw: np.ndarray):
        from scipy.spatial import KDTree

        self.vertices, self.faces, self.jaw = vertices, faces, jaw
        self.normals = vertex_normals(vertices, faces)
        self.used = np.unique(faces)
        self._tree: Any = KDTree(_features(vertices, self.normals, jaw)[self.used])
        order = np.argsort(faces.ravel(), kind="stable")
        counts = np.bincount(faces.ravel(), minlength=len(vertices))
        starts = np.concatenate([[0], np.cumsum(counts)])
        self._around = np.full((len(vertices), counts.max()), -1)
        for slot in range(counts.max()):
            have = counts > slot
            self._around[have, slot] = order[starts[:-1][have] + slot] // 3

    def nearest(self, points: np.ndarray, normals: np.ndarray, jaw: np.ndarray) -> Hits:
        """The nearest place to each point (n, 3) that looks along its normal (n, 3), with a like weight (n,)."""
        parts = [self._nearest(points[i : i + CHUNK], normals[i : i + CHUNK], jaw[i : i + CHUNK])
                 for i in range(0, len(points), CHUNK)]  # fmt: skip
        triangle, weights = (np.concatenate(items) for items in zip(*parts, strict=True))
        return self.at(triangle, weights)

    def at(self, triangle: np.ndarray, weights: np.ndarray) -> Hits:
        """The places with barycentric weights (n, 3) on triangles (n,)."""
        corners = self.faces[triangle]
        blend = weights[..., None]
        normals = (self.normals[corners] * blend).sum(1)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        places = (self.vertices[corners] * blend).sum(1)
        return Hits(corners, weights, places, normals, (self.jaw[corners] * weights).sum(1), triangle)

    def _nearest(self, points: np.ndarray, normals: np.ndarray, jaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = self.used[self._tree.query(_features(points, normals, jaw), k=CANDIDATES)[1]]
        triangles = self._around[near].reshape(len(points), -1)
        there = triangles >= 0
        corners = self.vertices[self.faces[triangles]]
        weights = closest_weights(points[:, None], corners)
        gap = points[:, None] - (corners * weights[..., None]).sum(2)
        ids = self.faces[triangles]
        unlike = normals[:, None] - (self.normals[ids] * weights[..., None]).sum(2)
        other = jaw[:, None] - (self.jaw[ids] * weights).sum(2)
        cost = (gap**2).sum(-1) + NORMAL_M**2 * (unlike**2).sum(-1) + JAW_M**2 * other**2
        best = np.where(there, cost, np.inf).argmin(1)
        rows = np.arange(len(points))
        return triangles[rows, best], weights[rows, best]


def _features(points: np.ndarray, normals: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    return np.concatenate([points, NORMAL_M * normals, JAW_M * jaw[:, None]], 1)


def closest_weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights (..., 3) of the nearest point of triangles (..., 3, 3) to points (..., 3): the foot of the
    perpendicular where it falls inside, else the nearest foot on an edge."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    u, v, w = b - a, c - a, points - a
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    area = np.maximum(uu * vv - uv**2, 1e-24)
    second, third = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    inside = np.stack([1 - second - third, second, third], -1)
    best, least = inside, np.where((inside >= 0).all(-1), 0.0, np.inf)
    for first, last in ((0, 1), (1, 2), (2, 0)):
        start, edge = corners[..., first, :], corners[..., last, :] - corners[..., first, :]
        along = ((points - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-24)
        along = np.clip(along, 0, 1)
        away = ((points - start - along[..., None] * edge) ** 2).sum(-1)
        shares = np.zeros(inside.shape)
        shares[..., first], shares[..., last] = 1 - along, along
        better = away < least
        best, least = np.where(better[..., None], shares, best), np.where(better, away, least)
    return best
