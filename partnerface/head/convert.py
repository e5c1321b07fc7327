"""Codes of one head in another's bases: never by accident, and by least squares on vertices when asked for.

The same numbers mean different faces to different bases, and to two versions of FLAME hardly less than to FLAME and the
built-in head. Whoever reads parameters together with a head asks `check_same_head` first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partnerface.errors import ArtefactError, InputError
from partnerface.geometry.mesh import vertex_normals
from partnerface.head.flame.nearest import SurfaceIndex
from partnerface.head.flame.registration import Known, register, without_eyes
from partnerface.head.model import HeadModel

#: Places farther apart than this, metres, or that look elsewhere, do not correspond.
MOST_GAP, LEAST_COSINE = 0.004, 0.7
#: Weight of a code's size against its vertices' misses (metres): enough for components that the vertices can't tell.
RIDGE = 1e-10


def check_same_head(parameters: Mapping[str, np.ndarray], head: HeadModel, path: Path) -> None:
    """Make sure that parameters belong to a head.

    Args:
        parameters: arrays as in tracking.npz; `head_name` says which head they were fitted with.
        head: the head that they are to move.
        path: where the parameters are from.

    Raises:
        ArtefactError: they are another head's, or have another number of components.
    """
    name = str(parameters["head_name"]) if "head_name" in parameters else "no head by name"
    if name != head.name:
        raise ArtefactError(
            f"{path} was fitted with {name}, but the head is {head.name}, whose codes mean something else; "
            "run `partnerface tracking` again"
        )
    counts = parameters["shape"].shape[-1], parameters["expression"].shape[-1]
    if counts != (head.n_shape, head.n_expression):
        raise ArtefactError(
            f"{path} has {counts[0]} shape and {counts[1]} expression components, the head {head.name} "
            f"{head.n_shape} and {head.n_expression}; run `partnerface tracking` again"
        )


@dataclass
class Pairing:
    """Places on two heads that correspond: `source` and `target` corners (n, 3) and weights (n, 3), and the linear map
    (3, 3) that takes displacements of the one to displacements of the other."""

    source: tuple[np.ndarray, np.ndarray]
    target: tuple[np.ndarray, np.ndarray]
    turn: np.ndarray

    def reverse(self) -> "Pairing":
        """The same, seen from the target."""
        return Pairing(self.target, self.source, np.linalg.inv(self.turn))


@dataclass
class Converted:
    """Codes in another head's basis: `codes` (..., K) float32; `residual_mm` (...,): by how much, as the root mean
    square over the compared places, the other basis misses the displacements that the codes made."""

    codes: np.ndarray
    residual_mm: np.ndarray


def same_topology(source: HeadModel, target: HeadModel) -> bool:
    """Whether vertices of the one are vertices of the other."""
    return source.n_vertices == target.n_vertices and np.array_equal(source.faces, target.faces)


def pair(source: HeadModel, target: HeadModel) -> Pairing:
    """Which places of two heads correspond: the same vertices, or those that the registration brings together.

    Of two meshes one has to be the built-in head, whose landmarks lie on vertices.

    Raises:
        InputError: two different meshes, neither of them the built-in head's.
    """
    if same_topology(source, target):
        every = np.repeat(np.arange(source.n_vertices)[:, None], 3, 1)
        first = np.tile([1.0, 0.0, 0.0], (source.n_vertices, 1))
        return Pairing((every, first), (every, first), np.eye(3))
    if _on_vertices(source):
        return _register(source, target)
    if _on_vertices(target):
        return _register(target, source).reverse()
    raise InputError(
        f"{source.name} and {target.name} are different meshes; convert to the built-in head first, and from there"
    )


def convert_expression(
    codes: np.ndarray, source: HeadModel, target: HeadModel, pairing: Pairing | None = None
) -> Converted:
    """Expression codes (..., E) of `source` as those of `target` that move the vertices most nearly alike.

    Args:
        codes: as in tracking.npz.
        source, target: the heads.
        pairing: from `pair`, where it is known already.
    """
    return _convert(codes, source.expression_basis, target.expression_basis, pairing or pair(source, target))


def convert_shape(codes: np.ndarray, source: HeadModel, target: HeadModel, pairing: Pairing | None = None) -> Converted:
    """Shape codes (..., S) of `source` as those of `target`.

    What is converted is the difference from the mean head. Of heads of one topology the difference of the means is
    added, so that the surfaces themselves meet; the means of different topologies only correspond.
    """
    between = source.template.astype(np.float64) - target.template if same_topology(source, target) else None
    return _convert(codes, source.shape_basis, target.shape_basis, pairing or pair(source, target), between)


def convert_parameters(
    parameters: Mapping[str, np.ndarray], source: HeadModel, target: HeadModel
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Parameters of a clip for another head, and the residuals in mm of `shape` () and `expression` (N,).

    Shape and expression are converted; rotations, lids and translation are taken over, which is right as far as the two
    heads' joints correspond. Tracking the clip anew with the other head is always better.

    Raises:
        ArtefactError: the parameters are not those of `source`.
    """
    check_same_head(parameters, source, Path("these parameters"))
    pairing = pair(source, target)
    shape = convert_shape(parameters["shape"], source, target, pairing)
    expression = convert_expression(parameters["expression"], source, target, pairing)
    out = dict(parameters) | {"shape": shape.codes, "expression": expression.codes, "head_name": np.array(target.name)}
    return out, {"shape": shape.residual_mm, "expression": expression.residual_mm}


def _on_vertices(head: HeadModel) -> bool:
    return bool((head.mediapipe_weights[:468].max(1) > 0.99).all())


def _register(source: HeadModel, target: HeadModel) -> Pairing:
    weights = target.skinning_weights.astype(np.float64)
    template, faces = target.template.astype(np.float64), target.faces.astype(np.int64)
    joints = target.joint_regressor.astype(np.float64) @ template
    # Both heads know where MediaPipe's points lie; the face's outline is not theirs to say.
    ids = source.mediapipe_faces[np.arange(468), source.mediapipe_weights[:468].argmax(1)].astype(np.int64)
    places = (template[target.mediapipe_faces[:468]] * target.mediapipe_weights[:468, :, None]).sum(1)
    found = register(source, template, faces, weights, joints, Known(ids, places))
    jaw = source.skinning_weights[:, 2].astype(np.float64)
    moved = SurfaceIndex(found.vertices, without_eyes(source.faces.astype(np.int64), source.skinning_weights), jaw)
    used = np.unique(without_eyes(faces, weights))
    normals = vertex_normals(template, faces)[used]
    hits = moved.nearest(template[used], normals, weights[used, 2])
    near = np.linalg.norm(hits.points - template[used], axis=1) < MOST_GAP
    near &= (hits.normals * normals).sum(1) > LEAST_COSINE
    used = used[near]
    first = np.tile([1.0, 0.0, 0.0], (len(used), 1))
    corners = np.repeat(used[:, None], 3, 1)
    return Pairing((hits.corners[near], hits.weights[near]), (corners, first), found.scale * found.rotation)


def _convert(
    codes: np.ndarray, source: np.ndarray, target: np.ndarray, pairing: Pairing, between: np.ndarray | None = None
) -> Converted:
    """Least squares: target's basis at the places against what the codes do there, turned into target's axes."""
    codes = np.asarray(codes, np.float64)
    if codes.shape[-1] != source.shape[2]:
        raise InputError(
            f"the codes have {codes.shape[-1]} components, their head {source.shape[2]}; give its own codes"
        )
    own, other = (_at(basis, *places) for basis, places in ((source, pairing.source), (target, pairing.target)))
    own = np.einsum("cd,nde->nce", pairing.turn, own).reshape(-1, source.shape[2])
    other = other.reshape(-1, target.shape[2])
    goal = codes.reshape(-1, source.shape[2]) @ own.T
    if between is not None:
        goal = goal + _at(between[..., None], *pairing.source).reshape(-1)
    # The ridge is relative to the basis, so that it leaves what the vertices tell as it is.
    normal = other.T @ other
    normal[np.diag_indices_from(normal)] += RIDGE * max(np.trace(normal) / len(normal), 1e-30)
    made = np.linalg.solve(normal, other.T @ goal.T).T
    miss = (made @ other.T - goal).reshape(len(goal), -1, 3)
    residual = 1000 * np.sqrt((miss**2).sum(2).mean(1))
    shape = codes.shape[:-1]
    return Converted(made.reshape(*shape, -1).astype(np.float32), residual.reshape(shape))


def _at(basis: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.einsum("nk,nkce->nce", weights, basis[corners].astype(np.float64))
