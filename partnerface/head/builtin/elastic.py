"""Skin between bones: where it goes when the bones move, as a sheet that resists stretching and bending.

As-rigid-as-possible deformation (Sorkine and Alexa 2007) of the skin's triangles, with springs across the cheeks and
lips to the lining of the mouth, so that they keep their thickness, and with a pull towards where linear blend skinning
would bring the skin, strong where it lies on bone and none where it hangs between two.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.geometry.mesh import laplacian


@dataclass
class Sheet:
    """An elastic surface.

    Attributes:
        rest: (n, 3) metres.
        pairs: (m, 2) ends of its edges and springs, each in both directions.
        stiffness: (m,) of each of them.
        wrinkles: (m,) whether it yields when it is pushed together, as the skin does and its thickness does not.
        pull: (n,) stiffness of the hold at the given places.
        solve: solves for (n, 3) from the right-hand side (n, 3).
    """

    rest: np.ndarray
    pairs: np.ndarray
    stiffness: np.ndarray
    wrinkles: np.ndarray
    pull: np.ndarray
    solve: Any

    @classmethod
    def of(
        cls, rest: np.ndarray, faces: np.ndarray, springs: np.ndarray, spring_stiffness: float, pull: np.ndarray
    ) -> "Sheet":
        """A sheet of triangles `faces` (f, 3), with `springs` (s, 2) of one stiffness, held by `pull` (n,)."""
        from scipy.sparse import coo_matrix, diags
        from scipy.sparse.linalg import splu

        operator = laplacian(rest, faces)[0].tocoo()
        edge = operator.row != operator.col
        pairs = np.stack([operator.row[edge], operator.col[edge]], 1)
        stiffness = -operator.data[edge]
        both = np.concatenate([springs, springs[:, ::-1]])
        wrinkles = np.arange(len(pairs) + len(both)) < len(pairs)
        pairs = np.concatenate([pairs, both])
        stiffness = np.concatenate([stiffness, np.full(len(both), spring_stiffness)])
        count = len(rest)
        adjacency = coo_matrix((stiffness, (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
        system = diags(np.asarray(adjacency.sum(1)).ravel() + pull) - adjacency
        return cls(rest, pairs, stiffness, wrinkles, pull, splu(system.tocsc()).solve)

    def settle(self, places: np.ndarray, turns: np.ndarray, rounds: int) -> np.ndarray:
        """(n, 3) where the sheet comes to rest.

        Args:
            places: (n, 3) where `pull` holds each vertex to.
            turns: (n, 3, 3) rotations to begin with.
            rounds: how often rotations and places are found in turn.
        """
        first, second = self.pairs.T
        edges = self.rest[first] - self.rest[second]
        # Skin that bones push together shortens in fine wrinkles, which no triangle of this size can show: it must not
        # buckle in folds. What is pulled apart resists.
        length = np.linalg.norm(edges, axis=1)
        squeezed = np.linalg.norm(places[first] - places[second], axis=1) / length
        edges = edges * np.where(self.wrinkles, np.clip(squeezed, 0.2, 1.0), 1.0)[:, None]
        out = places
        for number in range(rounds):
            if number:
                moved = self.stiffness[:, None] * (out[first] - out[second])
                covariance = np.zeros((len(self.rest), 3, 3))
                np.add.at(covariance, first, moved[:, :, None] * edges[:, None, :])
                turns = nearest_rotations(covariance)
            right = self.pull[:, None] * places
            forces = ((turns[first] + turns[second]) @ edges[..., None])[..., 0] * self.stiffness[:, None] / 2
            np.add.at(right, first, forces)
            out = self.solve(right)
        return out


def nearest_rotations(matrices: np.ndarray) -> np.ndarray:
    """The rotations (n, 3, 3) nearest to matrices (n, 3, 3) in the sum of squares."""
    u, _, vt = np.linalg.svd(matrices)
    flip = np.ones((len(matrices), 3))
    flip[:, 2] = np.sign(np.linalg.det(u @ vt))
    return (u * flip[:, None]) @ vt
