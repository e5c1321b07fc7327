"""What FLAME's files lack, carried over from the built-in head: MediaPipe's points, iBUG's points, classes, lids."""

from dataclasses import dataclass

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.mesh import vertex_normals
from partnerface.head.flame.companions import Companions, Points
from partnerface.head.flame.layout import FlameArrays
from partnerface.head.flame.nearest import SurfaceIndex, closest_weights
from partnerface.head.flame.registration import Known, NoHeadError, Registration, eye_of, register, spread, without_eyes
from partnerface.head.model import HeadModel

IRISES = {4: range(468, 473), 3: range(473, 478)}
#: A closed lid keeps so far from the eyeball, metres.
LID_CLEARANCE = 0.0005
#: Classes that masks leave to the built-in head's labels; any other label of it gives way to skin there.
_LEFT_OPEN = ("skin", "brows")


@dataclass
class Carried:
    """What a FLAME head has from elsewhere, in HeadModel's form."""

    eyelid_basis: np.ndarray
    regions: np.ndarray
    mediapipe: Points
    ibug68: Points
    registration: Registration


def carry(source: HeadModel, flame: FlameArrays, beside: Companions) -> Carried:
    """All that `flame` lacks; what lies beside its file is taken as it is, and guides the rest.

    Args:
        source: the built-in head.
        flame: the file's arrays.
        beside: what was found beside it.
    """
    found = register(source, flame.template, flame.faces, flame.weights, flame.joints, _known(source, flame, beside))
    target = SurfaceIndex(flame.template, without_eyes(flame.faces, flame.weights), flame.weights[:, 2])
    inner = source.regions == CLASS_NAMES.index("mouth_inside")
    own_faces = without_eyes(source.faces.astype(np.int64), source.skinning_weights)
    own_faces = own_faces[~inner[own_faces].any(1)]
    jaw = source.skinning_weights[:, 2].astype(np.float64)
    moved = SurfaceIndex(found.vertices, own_faces, jaw)
    marks = _carried_points(source.mediapipe_faces, source.mediapipe_weights, moved, target)
    for joint, points in IRISES.items():
        _iris(marks, list(points), joint, source, flame)
    ibug = _carried_points(source.landmark68_faces, source.landmark68_weights, moved, target)
    for points, given in ((marks, beside.mediapipe), (ibug, beside.ibug68)):
        if given is not None:
            points.corners[given.index], points.weights[given.index] = given.corners, given.weights
    lids = _eyelids(source, flame, found, moved) if beside.eyelids is None else beside.eyelids
    return Carried(lids, _regions(source, flame, moved, beside.classes), marks, ibug, found)


def _known(source: HeadModel, flame: FlameArrays, beside: Companions) -> Known:
    """Vertices of the built-in head whose places the landmarks beside the file tell."""
    vertices, places = [np.zeros(0, np.int64)], [np.zeros((0, 3))]
    told: set[int] = set()
    pairs = (
        (beside.mediapipe, source.mediapipe_faces, source.mediapipe_weights, 468),
        # iBUG's points stand on MediaPipe's nearest ones in the built-in head, so they come second.
        (beside.ibug68, source.landmark68_faces, source.landmark68_weights, 68),
    )
    for points, corners, weights, most in pairs:
        if points is None:
            continue
        index = points.index[points.index < most]
        ids = corners[index, weights[index].argmax(1)].astype(np.int64)
        # The jaw line of 68 points slides over the skin with the pose.
        free = np.array([vertex not in told for vertex in ids]) & ((most != 68) | (index > 16))
        told |= set(ids.tolist())
        vertices.append(ids[free])
        places.append(points.places(flame.template)[points.index < most][free])
    return Known(np.concatenate(vertices), np.concatenate(places))


def _carried_points(corners: np.ndarray, weights: np.ndarray, moved: SurfaceIndex, target: SurfaceIndex) -> Points:
    """The places on the other surface nearest to points of the moved built-in head."""
    share = weights[..., None].astype(np.float64)
    place, normal = (moved.vertices[corners] * share).sum(1), (moved.normals[corners] * share).sum(1)
    hits = target.nearest(place, normal, (moved.jaw[corners] * weights).sum(1))
    return Points(np.arange(len(corners)), hits.corners.copy(), hits.weights.copy())


def _iris(points: Points, index: list[int], joint: int, source: HeadModel, flame: FlameArrays) -> None:
    """The iris's points on FLAME's eyeball, as far apart as on ours: adults' irises are all of one size."""
    own = source.template.astype(np.float64)
    own_joint = source.joint_regressor[joint].astype(np.float64) @ own
    marks = (own[source.mediapipe_faces[index]] * source.mediapipe_weights[index, :, None]).sum(1) - own_joint
    ball, radius = eye_of(flame.weights, joint, flame.template)
    marks[:, 2] = np.sqrt(np.maximum(radius**2 - (marks[:, :2] ** 2).sum(1), 0))
    middle = (flame.template[ball].max(0) + flame.template[ball].min(0)) / 2
    faces = flame.faces[np.isin(flame.faces, ball).all(1)]
    if len(faces) == 0:
        raise NoHeadError("its eyeballs are no surfaces")
    weights = closest_weights((middle + marks)[:, None], flame.template[faces][None])
    gap = np.linalg.norm((flame.template[faces][None] * weights[..., None]).sum(2) - (middle + marks)[:, None], axis=-1)
    best = gap.argmin(1)
    points.corners[index], points.weights[index] = faces[best], weights[np.arange(len(index)), best]


def _regions(source: HeadModel, flame: FlameArrays, moved: SurfaceIndex, told: np.ndarray | None) -> np.ndarray:
    """(V,) uint8 classes: those of the nearest place of the moved built-in head, where no mask tells."""
    normals = vertex_normals(flame.template, flame.faces)
    hits = moved.nearest(flame.template, normals, flame.weights[:, 2])
    labels = source.regions[hits.corners[np.arange(len(hits.corners)), hits.weights.argmax(1)]].astype(np.int64)
    labels[(flame.weights[:, 3:] > 0.5).any(1)] = CLASS_NAMES.index("eyes")
    if told is not None:
        open_ = np.isin(labels, [CLASS_NAMES.index(name) for name in _LEFT_OPEN])
        labels = np.where(told >= 0, told, np.where(open_, labels, CLASS_NAMES.index("skin")))
    return labels.astype(np.uint8)


def _eyelids(source: HeadModel, flame: FlameArrays, found: Registration, moved: SurfaceIndex) -> np.ndarray:
    """(V, 3, 2) closing lids: where the built-in head's closed lid lies, by the same field that moved the open one.

    The field at a closed lid, which lies off the skin, is that of the skin around it, so that a wider eye gets a longer
    way.
    """
    own = source.template.astype(np.float64)
    rigid = found.scale * own @ found.rotation.T
    field = found.vertices - rigid
    normals = vertex_normals(flame.template, flame.faces)
    hits = moved.nearest(flame.template, normals, flame.weights[:, 2])
    at = (rigid[hits.corners] * hits.weights[..., None]).sum(1)
    eyes = (flame.weights[:, 3:] > 0.5).any(1)
    far = np.linalg.norm(hits.points - flame.template, axis=1) > 0.01
    out = np.zeros((len(flame.template), 3, 2))
    for lid, joint in enumerate((3, 4)):
        way = source.eyelid_basis[..., lid].astype(np.float64)
        carried = found.scale * (way[hits.corners] * hits.weights[..., None]).sum(1) @ found.rotation.T
        carried[eyes | far] = 0
        lively = np.flatnonzero(np.linalg.norm(carried, axis=1) > 1e-6)
        if len(lively) == 0:
            continue
        around = np.flatnonzero(np.isin(np.arange(len(own)), moved.used))
        before = spread(at[lively], rigid[around], field[around])
        after = spread((at + carried)[lively], rigid[around], field[around])
        out[lively, :, lid] = carried[lively] + after - before
        _, radius = eye_of(flame.weights, joint, flame.template)
        out[lively, :, lid] = _off_the_ball(flame.template[lively], out[lively, :, lid], flame.joints[joint], radius)
    return out


def _off_the_ball(start: np.ndarray, way: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    """Ways (n, 3) whose ends lie outside of the eyeball; those that begin inside keep their distance."""
    end = start + way - centre
    distance = np.linalg.norm(end, axis=1)
    least = np.minimum(radius + LID_CLEARANCE, np.linalg.norm(start - centre, axis=1))
    return (
        np.where((distance < least)[:, None], end * (least / np.maximum(distance, 1e-9))[:, None], end) + centre - start
    )
