"""The built-in head's surface laid onto another head's, so that what is known of the one can be carried to the other.

A similarity brings the eyeballs together and is refined on the face; then a smooth field of displacements brings each
vertex to the nearest place of the other surface that looks the same way and rides on the same bone. Ends of lids and
lips, and landmarks where the other head knows any, hold it. Nothing is random.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.mesh import edges, vertex_normals
from partnerface.head.flame.nearest import SurfaceIndex
from partnerface.head.flame.openings import Opening, eye_opening, lip_seam
from partnerface.head.model import HeadModel
from partnerface.head.points import INNER_LIP_CHAINS, LEFT_LID_CHAINS, RIGHT_LID_CHAINS

#: By the joint of the eye, and for the lips: upper and lower chain from the subject's right end to the left end.
EYES = {
    3: tuple(chain[-2:0:-1] for chain in LEFT_LID_CHAINS),
    4: tuple(chain[1:-1] for chain in RIGHT_LID_CHAINS),
}
LIPS = tuple(chain[1:-1] for chain in INNER_LIP_CHAINS)
#: How stiff the field is, from first to last: weight of its bending against a vertex's distance to its place.
STIFFNESS = (300.0, 300.0, 100.0, 100.0, 30.0, 30.0, 10.0, 10.0, 3.0, 3.0, 1.0, 1.0)
#: A place farther away than the first (at first) or the second (at last), metres, or that looks elsewhere is left.
FAR, NEAR, LEAST_COSINE, MOST_JAW = 0.03, 0.008, 0.5, 0.5
ANCHOR = 10.0  # weight of ends of lids and lips and of landmarks, against that of a vertex's nearest place
SIMILARITY_ROUNDS, TRIMMED = 12, 0.8


class NoHeadError(Exception):
    """What the other surface lacks, in words."""


@dataclass
class Registration:
    """Where the built-in head's vertices lie on another head.

    Attributes:
        vertices: (V, 3) of the built-in head's places, the other head's axes, metres.
        scale, rotation: of the similarity, () and (3, 3).
        miss: metres, mean distance of the face's vertices to the other surface.
    """

    vertices: np.ndarray
    scale: float
    rotation: np.ndarray
    miss: float


@dataclass
class Known:
    """Correspondences that somebody knows: points of the built-in head, (n,) vertices, and their places (n, 3)."""

    vertices: np.ndarray
    places: np.ndarray


def eye_of(weights: np.ndarray, joint: int, template: np.ndarray) -> tuple[np.ndarray, float]:
    """Vertex ids of an eyeball and its radius, the median distance from their middle; raises NoHeadError without."""
    ball = np.flatnonzero(weights[:, joint] > 0.5)
    if len(ball) < 8:
        raise NoHeadError("it has no eyeballs")
    middle = (template[ball].max(0) + template[ball].min(0)) / 2
    return ball, float(np.median(np.linalg.norm(template[ball] - middle, axis=1)))


def without_eyes(faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The triangles that belong to no eyeball."""
    return faces[~(weights[:, 3:] > 0.5).any(1)[faces].any(1)]


def register(
    source: HeadModel, template: np.ndarray, faces: np.ndarray, weights: np.ndarray, joints: np.ndarray, known: Known
) -> Registration:
    """Lay a head's surface onto another's.

    Args:
        source: the head whose surface is moved; its MediaPipe points are the names of the ends of lids and lips.
        template, faces, weights, joints: (V, 3), (F, 3), (V, 5), (5, 3) of the other head, metres, FLAME's axes.
        known: correspondences to hold to, n of them, or none.
    """
    inner = source.regions == CLASS_NAMES.index("mouth_inside")
    own_faces = without_eyes(source.faces.astype(np.int64), source.skinning_weights)
    own_faces = own_faces[~inner[own_faces].any(1)]
    skin = np.unique(own_faces)
    place = source.template.astype(np.float64)
    own_joints = source.joint_regressor.astype(np.float64) @ place
    jaw = source.skinning_weights[:, 2].astype(np.float64)
    target = SurfaceIndex(template, without_eyes(faces, weights), weights[:, 2])
    face = _face_of(source, skin, place)[::2]

    pairs = _opening_anchors(source, SurfaceIndex(place, own_faces, jaw), own_joints, target, weights, joints, known)
    scale, rotation, shift = _similarity_by_eyes(own_joints, joints)
    for _ in range(SIMILARITY_ROUNDS):
        moved = scale * place @ rotation.T + shift
        normals = vertex_normals(moved, own_faces)
        hits = target.nearest(moved[face], normals[face], jaw[face])
        gap = np.linalg.norm(hits.points - moved[face], axis=1)
        kept = (gap <= np.quantile(gap, TRIMMED)) & ((hits.normals * normals[face]).sum(1) > LEAST_COSINE)
        # Where places are known they steer alone what the nearest ones only suggest.
        a = np.concatenate([place[face][kept], place[pairs.vertices], own_joints[3:]])
        b = np.concatenate([hits.points[kept], pairs.places, joints[3:]])
        heavy = kept.sum() / max(len(pairs.vertices) + 2, 1)
        share = np.concatenate([np.ones(kept.sum()), np.full(len(pairs.vertices) + 2, heavy)])
        scale, rotation, shift = umeyama(a, b, share)
    moved = scale * place @ rotation.T + shift
    moved = _bend(moved, own_faces, skin, jaw, target, pairs)
    # What is not skin goes along: eyeballs and the mouth's inside with the places next to them.
    out = scale * place @ rotation.T + shift
    out = out + spread(out, out[skin], moved[skin] - out[skin])
    out[skin] = moved[skin]
    normals = vertex_normals(moved, own_faces)
    hits = target.nearest(moved[face], normals[face], jaw[face])
    miss = float(np.linalg.norm(hits.points - moved[face], axis=1).mean())
    return Registration(out, scale, rotation, miss)


def spread(points: np.ndarray, places: np.ndarray, values: np.ndarray, count: int = 6) -> np.ndarray:
    """(n, k) values at points (n, 3): mean of those of the nearest places, by inverse square distance."""
    from scipy.spatial import KDTree

    found: Any = KDTree(places).query(points, k=count)
    share = 1 / (found[0] ** 2 + 1e-10)
    return (values[found[1]] * (share / share.sum(1, keepdims=True))[..., None]).sum(1)


def umeyama(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3) and shift (3,) that bring points a (n, 3) nearest to b in weighted squares (Umeyama
    1991)."""
    share = weights / weights.sum()
    middle_a, middle_b = share @ a, share @ b
    a, b = a - middle_a, b - middle_b
    u, values, vt = np.linalg.svd((b * share[:, None]).T @ a)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u * flip @ vt
    scale = float((values * flip).sum() / (share @ (a * a).sum(1)))
    return scale, rotation, middle_b - scale * rotation @ middle_a


def _similarity_by_eyes(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The eyes on the eyes; both heads stand upright in FLAME's axes."""
    scale = float(np.linalg.norm(b[3] - b[4]) / np.linalg.norm(a[3] - a[4]))
    return scale, np.eye(3), b[3:].mean(0) - scale * a[3:].mean(0)


def _face_of(source: HeadModel, skin: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Vertices of the face, by which the similarity is found: skin, brows, nose and lips in front of the ears."""
    names = ("skin", "brows", "nose", "lips")
    chosen = np.isin(source.regions, [CLASS_NAMES.index(name) for name in names])
    chosen &= np.isin(np.arange(len(place)), skin)
    marks = (place[source.mediapipe_faces[:468]] * source.mediapipe_weights[:468, :, None]).sum(1)
    return np.flatnonzero(chosen & (place[:, 2] > marks[:, 2].min()) & (place[:, 1] > marks[:, 1].min()))


def _vertex_of(source: HeadModel, points: np.ndarray) -> np.ndarray:
    """The vertex that each MediaPipe point lies on, or nearest to."""
    return source.mediapipe_faces[points, source.mediapipe_weights[points].argmax(1)].astype(np.int64)


def _opening_anchors(
    source: HeadModel,
    own: SurfaceIndex,
    own_joints: np.ndarray,
    target: SurfaceIndex,
    weights: np.ndarray,
    joints: np.ndarray,
    known: Known,
) -> Known:
    """What is known, and the ends of lids and lips where both heads show them and nothing better is known."""
    vertices, places = [known.vertices], [known.places]
    told = set(known.vertices.tolist())

    def add(points: tuple[int, ...], mine: Opening, theirs: Opening, above: bool, along: np.ndarray) -> None:
        ids = _vertex_of(source, np.array(points))
        own_chain, chain = (mine.above, theirs.above) if above else (mine.below, theirs.below)
        free = np.array([vertex not in told for vertex in ids]) & (along >= 0) & (along <= 1)
        # The margin is not quite what the eyeball sees last; how far a point lies from that edge goes along.
        beside = own.vertices[ids] - own_chain.points[mine.at(along)]
        vertices.append(ids[free])
        places.append((chain.points[theirs.at(along)] + beside)[free])

    for joint, (upper, lower) in EYES.items():
        _, own_radius = eye_of(source.skinning_weights, joint, own.vertices)
        _, radius = eye_of(weights, joint, target.vertices)
        mine = eye_opening(own, own_joints[joint], own_radius)
        theirs = eye_opening(target, joints[joint], radius)
        if mine is None or theirs is None:
            continue
        for points, above in ((upper, True), (lower, False)):
            offset = own.vertices[_vertex_of(source, np.array(points))] - own_joints[joint]
            ends = mine.above.points[[0, -1]] - own_joints[joint]
            angle, (low, high) = np.arctan2(offset[:, 0], offset[:, 2]), np.arctan2(ends[:, 0], ends[:, 2])
            add(points, mine, theirs, above, (angle - low) / (high - low))
    mine, theirs = lip_seam(own, own_joints[3:]), lip_seam(target, joints[3:])
    if mine is not None and theirs is not None:
        low, high = mine.above.points[[0, -1], 0]
        for points, above in zip(LIPS, (True, False), strict=True):
            x = own.vertices[_vertex_of(source, np.array(points)), 0]
            add(points, mine, theirs, above, (x - low) / (high - low))
    return Known(np.concatenate(vertices), np.concatenate(places))


def _border(faces: np.ndarray) -> np.ndarray:
    """Vertices of edges that belong to one triangle."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    found, uses = np.unique(pairs, axis=0, return_counts=True)
    return np.unique(found[uses == 1])


def _bend(
    start: np.ndarray,
    faces: np.ndarray,
    skin: np.ndarray,
    jaw: np.ndarray,
    target: SurfaceIndex,
    pairs: Known,
) -> np.ndarray:
    """(V, 3) the vertices after the smooth field; those that are not skin stay."""
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import splu
    from scipy.spatial import KDTree

    number = np.full(len(start), -1)
    number[skin] = np.arange(len(skin))
    links = number[edges(faces)]
    # Ears are surfaces of their own: each vertex is linked to the nearest few as well.
    found: Any = KDTree(start[skin]).query(start[skin], k=4)
    near = np.stack([np.repeat(np.arange(len(skin)), 3), found[1][:, 1:].ravel()], 1)
    links = np.unique(np.sort(np.concatenate([links, near]), axis=1), axis=0)
    links = links[links[:, 0] != links[:, 1]]
    joined = coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(len(skin), len(skin)))
    joined = joined + joined.T
    degree = np.asarray(joined.sum(1)).ravel()
    operator = (diags(np.ones(len(skin))) - diags(1 / np.maximum(degree, 1)) @ joined).tocsr()
    bending = (operator.T @ operator).tocsr()
    rim = np.isin(target.faces, _border(target.faces))

    where, goal = number[pairs.vertices], pairs.places
    where, goal = where[where >= 0], goal[where >= 0]
    held = np.zeros(len(skin))
    np.add.at(held, where, ANCHOR)
    sums = np.zeros((len(skin), 3))
    np.add.at(sums, where, ANCHOR * goal)
    base, moved = start[skin], start.copy()
    for step, stiffness in enumerate(STIFFNESS):
        reach = FAR + (NEAR - FAR) * step / (len(STIFFNESS) - 1)
        normals = vertex_normals(moved, faces)[skin]
        hits = target.nearest(moved[skin], normals, jaw[skin])
        gap = np.linalg.norm(hits.points - moved[skin], axis=1)
        good = (gap < reach) & ((hits.normals * normals).sum(1) > LEAST_COSINE)
        good &= np.abs(hits.jaw - jaw[skin]) < MOST_JAW
        good &= ~(rim[hits.triangle] & (hits.weights > 1e-6)).any(1)
        weight = np.where(held > 0, 0.0, good.astype(np.float64))
        matrix = (diags(weight + held + 1e-4) + stiffness * bending).tocsc()
        right = weight[:, None] * (hits.points - base) + sums - held[:, None] * base
        moved[skin] = base + splu(matrix).solve(right)
    return moved
