"""All parts of the built-in head in one mesh, with names for where things are."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from partnerface.geometry.mesh import edges, laplacian, mirror_partners, smooth_field
from partnerface.head.builtin import parts
from partnerface.head.builtin.ear import left_ear
from partnerface.head.builtin.face import Face, load_face
from partnerface.head.builtin.skin import EYEBALL_RADIUS, build_skin, eye_centres

#: From the outermost point of the measured face's left side to the ear's tragus.
EAR_BEHIND = np.array([0.0035, 0.006, -0.012])


@dataclass
class Assembly:
    """The whole mesh. Skin first, so that vertices 0..467 are MediaPipe's points.

    Attributes:
        vertices (V, 3), faces (F, 3): metres, origin midway between the outer eye corners.
        groups: vertex ids by name: of the coarse skin ("face", "rings" (R, 36), "left_lid" (2, 16), "lining", "throat")
            and of the parts ("left_eye", "right_eye", "upper_teeth", "lower_teeth", "tongue", "left_ear", "right_ear").
        mirror: (V,) index of each vertex's mirror image.
        centres: (2, 3) of the eyeballs, left first.
    """

    face: Face
    vertices: np.ndarray
    faces: np.ndarray
    skin_faces: np.ndarray
    n_skin: int
    groups: dict[str, np.ndarray]
    mirror: np.ndarray
    centres: np.ndarray
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    def operator(self) -> tuple[Any, np.ndarray]:
        """Cotangent Laplacian and vertex areas of the skin."""
        if "operator" not in self._cache:
            self._cache["operator"] = laplacian(self.vertices[: self.n_skin], self.skin_faces)
        return self._cache["operator"]

    def graph(self) -> Any:
        """The skin's edges with their lengths, (n_skin, n_skin)."""
        if "graph" not in self._cache:
            from scipy.sparse import csr_matrix

            pairs = edges(self.skin_faces)
            length = np.linalg.norm(self.vertices[pairs[:, 0]] - self.vertices[pairs[:, 1]], axis=1)
            self._cache["graph"] = csr_matrix((length, (pairs[:, 0], pairs[:, 1])), shape=(self.n_skin, self.n_skin))
        return self._cache["graph"]

    def distance_from(self, sources: np.ndarray, limit: float = np.inf) -> np.ndarray:
        """(n_skin,) shortest way over the skin's edges from the nearest of `sources`, metres; inf beyond `limit`."""
        from scipy.sparse.csgraph import dijkstra

        return dijkstra(self.graph(), directed=False, indices=sources, min_only=True, limit=limit)

    def spread(self, fixed: np.ndarray, values: np.ndarray, reach: float, order: int = 2) -> np.ndarray:
        """The smoothest field over the skin with `values` at `fixed`, zero farther than `reach` metres from them."""
        far = np.flatnonzero(~np.isfinite(self.distance_from(fixed, reach)))
        far = np.setdiff1d(far, fixed)
        zeros = np.zeros((len(far), *values.shape[1:]))
        return smooth_field(*self.operator(), np.concatenate([fixed, far]), np.concatenate([values, zeros]), order)

    def whole(self, skin_values: np.ndarray) -> np.ndarray:
        """Values (n_skin, …) of the skin, padded with zeros for the other parts: (V, …)."""
        out = np.zeros((len(self.vertices), *skin_values.shape[1:]))
        out[: self.n_skin] = skin_values
        return out

    def reflect(self, displacement: np.ndarray) -> np.ndarray:
        """The mirror image of a displacement field (V, 3)."""
        return displacement[self.mirror] * [-1, 1, 1]


def assemble() -> Assembly:
    """Build all parts and join them."""
    face = load_face()
    skin = build_skin(face)
    centres = eye_centres(face)
    upper, lower = skin.vertices[13], skin.vertices[14]
    ear = left_ear(skin.vertices[454] + EAR_BEHIND)
    pieces = {
        "left_eye": parts.eyeball(centres[0], EYEBALL_RADIUS),
        "right_eye": parts.eyeball(centres[1], EYEBALL_RADIUS),
        "upper_teeth": parts.teeth(np.array([0, upper[1] - 0.0028, upper[2] - 0.0065]), True),
        "lower_teeth": parts.teeth(np.array([0, lower[1] - 0.0012, lower[2] - 0.0090]), False),
        "tongue": parts.tongue(np.array([0, lower[1] + 0.0015, lower[2] - 0.0365])),
        "left_ear": ear,
        "right_ear": ear.mirrored(),
    }
    vertices, faces, groups = [skin.vertices], [skin.faces], dict(skin.groups)
    mirror = [groups.pop("mirror")]
    total = len(skin.vertices)
    starts: dict[str, int] = {}
    for name, part in pieces.items():
        starts[name] = total
        groups[name] = total + np.arange(len(part.vertices))
        vertices.append(part.vertices)
        faces.append(part.faces + total)
        total += len(part.vertices)
    for name, part in pieces.items():
        if name in ("left_ear", "right_ear"):
            other = starts["right_ear" if name == "left_ear" else "left_ear"]
            mirror.append(other + np.arange(len(part.vertices)))
        elif name in ("left_eye", "right_eye"):
            other = "right_eye" if name == "left_eye" else "left_eye"
            both = np.concatenate([part.vertices, pieces[other].vertices])
            mirror.append(mirror_partners(both)[: len(part.vertices)] - len(part.vertices) + starts[other])
        else:
            mirror.append(mirror_partners(part.vertices) + starts[name])
    return Assembly(
        face=face,
        vertices=np.concatenate(vertices),
        faces=np.concatenate(faces),
        skin_faces=skin.faces,
        n_skin=len(skin.vertices),
        groups=groups,
        mirror=np.concatenate(mirror),
        centres=centres,
    )


def ids(*points: int) -> np.ndarray:
    """Landmark ids as an index array; MediaPipe's ids are vertex ids."""
    return np.array(points, dtype=np.int64)
