"""The places of the head's surface whose looks are compared."""

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.head.model import HeadModel
from partnerface.head.points import IRISES, LEFT_EYE, RIGHT_EYE

#: What of the head is compared. Hair and what is inside the mouth move in their own ways, and lips roll in and out, so
#: that their looks pull them open: of those the landmarks know more.
_COMPARED = tuple(CLASS_NAMES.index(name) for name in ("skin", "brows", "nose", "eyes"))
#: Beyond this distance from every landmark the surface's shape is a guess, metres.
REACH = 0.012
#: How much denser places lie at the lids' margins, which are small and move most, and how far that reaches, metres.
LID_DENSITY, NEAR = 10.0, 0.006


def surface_places(model: HeadModel, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places spread over the face, evenly but for the lids: vertex ids (n, 3) and barycentric weights (n, 3).

    Args:
        model: the head.
        count: n.
        seed: of where in its triangle a place lies.
    """
    landmarks = np.einsum("lk,lkc->lc", model.mediapipe_weights, model.template[model.mediapipe_faces])
    corners = model.template[model.faces].astype(np.float64)
    middle = corners.mean(1)
    compared = np.isin(model.regions[model.faces], _COMPARED).all(1)
    compared &= _distance(middle, np.delete(landmarks, IRISES, axis=0)) < REACH
    chosen = np.flatnonzero(compared)
    size = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)[chosen]
    to_lids = _distance(middle[chosen], landmarks[list(LEFT_EYE + RIGHT_EYE)])
    size = size * (1 + (LID_DENSITY - 1) * np.exp(-((to_lids / NEAR) ** 2)))
    rng = np.random.default_rng(seed)
    # Steps of equal size rather than draws: no place is hit twice while its neighbour is missed.
    stops = (np.arange(count) + rng.random(count)) / count * size.sum()
    triangles = chosen[np.minimum(np.searchsorted(np.cumsum(size), stops), len(chosen) - 1)]
    return model.faces[triangles], rng.dirichlet(np.ones(3), count)


def _distance(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) distance of each point (n, 3) to the nearest of the others (m, 3)."""
    from scipy.spatial import KDTree

    return KDTree(others).query(points)[0]
