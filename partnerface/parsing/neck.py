"""The front of the neck, in which the collar's cut is drawn: it bends between the torso and the head as the skin does.

Were the cut fixed to the torso alone, skin above it that rides on the head would come and go below it, and no avatar
whose neck is skinned could have the mask's lower edge.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.camera import project
from partnerface.head.model import HeadModel
from partnerface.head.points import CHIN

#: Cells of the table, metres: across, and up and down from the chin.
CELL = 0.004
HALF_WIDTH, TOP, BOTTOM = 0.32, 0.06, -0.26
#: Vertices of the neck's front that a cell takes the mean of.
NEIGHBOURS = 8


def grid() -> tuple[np.ndarray, np.ndarray]:
    """u of the columns and v of the rows, metres."""
    u = np.arange(-HALF_WIDTH, HALF_WIDTH + CELL / 2, CELL)
    v = np.arange(TOP, BOTTOM - CELL / 2, -CELL)
    return u, v


@dataclass(frozen=True)
class NeckFront:
    """The neck seen from the front, rest space: u along x and v along y, from the chin's height, metres.

    Attributes:
        chin: y of v = 0, m.
        depth: (rows, columns) z of the surface, m; beside the neck that of its side goes on.
        torso: (rows, columns) how far a place rides on the torso, the rest on the head.
    """

    chin: float
    depth: np.ndarray
    torso: np.ndarray

    @classmethod
    def of(cls, model: HeadModel, rest: np.ndarray) -> "NeckFront":
        """Of a head with vertices `rest` (V, 3) in rest space."""
        from scipy.spatial import KDTree

        chin = (rest[model.mediapipe_faces[CHIN]] * model.mediapipe_weights[CHIN][:, None]).sum(0)
        neck = np.flatnonzero(model.regions == CLASS_NAMES.index("neck"))
        front = neck[rest[neck, 2] >= np.median(rest[neck, 2])]
        u, v = grid()
        cells = np.stack(np.meshgrid(u, v + chin[1]), axis=-1)
        distance, near = KDTree(rest[front, :2]).query(cells, k=min(NEIGHBOURS, len(front)))
        weight = 1 / (distance + CELL) ** 2
        weight /= weight.sum(-1, keepdims=True)
        bones = model.skinning_weights[front, :2]
        torso = bones[:, 0] / np.maximum(bones.sum(1), 1e-9)
        return cls(float(chin[1]), (weight * rest[front, 2][near]).sum(-1), (weight * torso[near]).sum(-1))

    def at(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, 3), rest space, of places (n, 2), u and v, and how far each rides on the torso (n,)."""
        from scipy.ndimage import map_coordinates

        cells = [(TOP - places[:, 1]) / CELL, (places[:, 0] + HALF_WIDTH) / CELL]
        depth, torso = (map_coordinates(table, cells, order=1, mode="nearest") for table in (self.depth, self.torso))
        return np.column_stack([places[:, 0], self.chin + places[:, 1], depth]), torso


@dataclass(frozen=True)
class NeckFrames:
    """The front of the neck in N frames.

    Attributes:
        front: of the head at rest.
        bones: (N, 2, 3, 4) torso and head, rest space → camera space.
        focal: (N,) px.
        centre: (N, 2) principal point, px.
    """

    front: NeckFront
    bones: np.ndarray
    focal: np.ndarray
    centre: np.ndarray

    def pixels(self, index: int, places: np.ndarray) -> np.ndarray:
        """(n, 2) px in frame `index` of places (n, 2), u and v."""
        rest, torso = self.front.at(places)
        by_torso, by_head = (rest @ bone[:, :3].T + bone[:, 3] for bone in self.bones[index])
        points = torso[:, None] * by_torso + (1 - torso[:, None]) * by_head
        return project(points, self.focal[index], self.centre[index])

    def scale(self, index: int) -> float:
        """Pixels per metre at the chin's height in frame `index`."""
        here, there = self.pixels(index, np.array([[-0.01, 0.0], [0.01, 0.0]]))
        return float(np.linalg.norm(there - here) / 0.02)
