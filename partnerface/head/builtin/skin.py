"""The skin: measured face, cranium, neck, lid margins and the lining of the mouth, as one surface.

Made coarse (about 1,050 vertices) and subdivided once. Lengths in metres, origin midway between the outer eye corners.
Human proportions (head length 195 mm, breadth 152 mm, vertex 118 mm above the eye corners, neck 360 mm round) are
rounded means over adults.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.geometry.mesh import mirror_partners, subdivide
from partnerface.head.builtin.face import Face
from partnerface.head.builtin.relief import close_lips, meet_lips, neck_relief
from partnerface.head.points import INNER_LIPS, LEFT_IRIS, OVAL, RIGHT_EYE, RIGHT_IRIS

CENTRE = np.array([0.0, 0.022, -0.078])  # of the cranium; everything is seen from here
CRANIUM = np.array([0.075, 0.095, 0.098])  # half axes
NECK_TOP = np.array([0.0, -0.112, -0.088])  # middle of the ring where the head ends
NECK_TILT = 0.36  # how much lower the front of that ring lies than its back, per metre of depth
NECK_RADII = np.array([0.055, 0.054])
NECK_BASE = np.array([0.0, -0.205, -0.112])
NECK_BASE_RADII = np.array([0.067, 0.060])
HEAD_RINGS, NECK_RINGS = 9, 4
EYEBALL_RADIUS = 0.0118
LID_THICKNESS = 0.0012
LINING_RINGS = 4
ROUNDNESS = 0.5  # of the subdivision: on a ball half the way to the tangent planes is exact
PULL = 2.0  # of the drawn shape of cranium and neck, against smoothness


@dataclass
class Skin:
    """The coarse or the subdivided skin; `groups` name vertices of the coarse one, which keep their index."""

    vertices: np.ndarray
    faces: np.ndarray
    groups: dict[str, np.ndarray]


def eye_centres(face: Face) -> np.ndarray:
    """(2, 3) centres of the eyeballs, left first: behind the iris so that the ball just fills the lids' opening."""
    centre = (face.points[LEFT_IRIS[0]] + face.points[RIGHT_IRIS[0]] * [-1, 1, 1]) / 2
    lid = face.points[[386, 385, 387]].mean(0)  # middle of the left upper lid
    across = np.hypot(*(lid - centre)[:2])
    centre[2] = lid[2] - np.sqrt((EYEBALL_RADIUS + LID_THICKNESS) ** 2 - across**2)
    return np.array([centre, centre * [-1, 1, 1]])


def _clear_of_eyeballs(face: Face, centres: np.ndarray) -> np.ndarray:
    """The face with lid points moved straight forward where they would touch the eyeball."""
    points = face.points.copy()
    radius = EYEBALL_RADIUS + LID_THICKNESS
    for centre in centres:
        offset = points[:468] - centre
        across = (offset[:, :2] ** 2).sum(1)
        depth = np.sqrt(np.maximum(radius**2 - across, 0))
        inside = (across < radius**2) & (offset[:, 2] < depth) & (offset[:, 2] > 0)
        points[:468][inside, 2] = centre[2] + depth[inside]
    return points


def _strip(first: np.ndarray, second: np.ndarray, flip: bool = False) -> list[tuple[int, int, int]]:
    """Triangles between two closed rings of n vertices; diagonals mirrored about the ring's middle, for symmetry."""
    out, count = [], len(first)
    for k in range(count):
        a, b = first[k], first[(k + 1) % count]
        c, d = second[k], second[(k + 1) % count]
        pair = [(a, c, b), (b, c, d)] if k < count // 2 else [(a, c, d), (a, d, b)]
        out += [(p, r, q) for p, q, r in pair] if flip else pair
    return out


def _target_radius(directions: np.ndarray) -> np.ndarray:
    """How far from CENTRE the head's surface lies along unit directions (n, 3): cranium and neck, blended."""
    cranium = 1 / np.linalg.norm(directions / CRANIUM, axis=1)
    axis = (NECK_BASE - NECK_TOP) / np.linalg.norm(NECK_BASE - NECK_TOP)
    start = CENTRE - NECK_TOP
    start = start - (start @ axis) * axis
    across = directions - (directions @ axis)[:, None] * axis
    a, b = (across**2).sum(1), across @ start
    neck = (-b + np.sqrt(np.maximum(b**2 - a * (start @ start - NECK_RADII.mean() ** 2), 0))) / np.maximum(a, 1e-9)
    downward = np.clip(directions @ axis / 0.25, 0, 1)
    neck = np.minimum(neck, 0.16) * downward
    power = 14.0
    return (cranium**power + neck**power) ** (1 / power)


def _plane(directions: np.ndarray) -> np.ndarray:
    """Stereographic projection (complex) of unit directions from the neck's pole, the middle of the face at zero."""
    down = np.array([0.0, -1.0, -0.15]) / np.hypot(1, 0.15)
    east, north = np.array([1.0, 0.0, 0.0]), np.cross([1.0, 0.0, 0.0], down)
    front = np.array([0.0, -0.45, 1.0]) / np.hypot(0.45, 1)
    both = np.concatenate([directions, front[None]])
    flat = (both @ east + 1j * (both @ north)) / (1 - both @ down)
    return flat[:-1] - flat[-1]


def _from_plane(flat: np.ndarray) -> np.ndarray:
    """The inverse of `_plane`."""
    down = np.array([0.0, -1.0, -0.15]) / np.hypot(1, 0.15)
    east, north = np.array([1.0, 0.0, 0.0]), np.cross([1.0, 0.0, 0.0], down)
    front = np.array([0.0, -0.45, 1.0]) / np.hypot(0.45, 1)
    flat = flat + (front @ east + 1j * (front @ north)) / (1 - front @ down)
    square = (np.abs(flat) ** 2)[..., None]
    inside = 2 * flat.real[..., None] * east + 2 * flat.imag[..., None] * north + (square - 1) * down
    return inside / (square + 1)


def _ring(middle: np.ndarray, radii: np.ndarray, tilt: float, count: int) -> np.ndarray:
    """(count, 3) ring around the neck, from the back over the right side to the front and back over the left."""
    angle = 2 * np.pi * np.arange(count) / count
    x, z = -radii[0] * np.sin(angle), -radii[1] * np.cos(angle)
    return middle + np.stack([x, -tilt * z, z], 1)


def _rings(oval: np.ndarray) -> np.ndarray:
    """(rings, 36, 3) rings of vertices from just behind the face's outline over the cranium to the base of the neck."""
    count = len(oval)
    end = _ring(NECK_TOP, NECK_RADII, NECK_TILT, count)
    ends = []
    for points in (oval, end):
        radius = np.linalg.norm(points - CENTRE, axis=1)
        ends.append((_plane((points - CENTRE) / radius[:, None]), radius))
    (flat0, radius0), (flat1, radius1) = ends
    turn0, turn1 = np.unwrap(np.angle(flat0)), np.unwrap(np.angle(flat1))
    turn1 += 2 * np.pi * np.round((turn0 - turn1).mean() / (2 * np.pi))
    miss0 = radius0 / _target_radius((oval - CENTRE) / radius0[:, None])
    miss1 = radius1 / _target_radius((end - CENTRE) / radius1[:, None])
    # Long ways over the cranium soon forget where they began; the short ones under the chin run straight.
    bend = 1 + np.clip(np.linalg.norm(end - oval, axis=1) / 0.12 - 0.7, 0, 1)
    rings = []
    for t in np.arange(1, HEAD_RINGS) / HEAD_RINGS:
        length = np.exp((1 - t) * np.log(np.abs(flat0)) + t * np.log(np.abs(flat1)))
        directions = _from_plane(length * np.exp(1j * ((1 - t) * turn0 + t * turn1)))
        radius = _target_radius(directions) * miss0 ** ((1 - t) ** bend) * miss1 ** (t**bend)
        rings.append(CENTRE + radius[:, None] * directions)
    rings.append(end)
    for t in np.arange(1, NECK_RINGS + 1) / NECK_RINGS:
        radii = NECK_RADII + (NECK_BASE_RADII - NECK_RADII) * t**2
        rings.append(_ring(NECK_TOP + t * (NECK_BASE - NECK_TOP), radii, NECK_TILT * (1 - 0.6 * t), count))
    return np.array(rings)


def _fair(vertices: np.ndarray, faces: np.ndarray, free: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Move `free` vertices to where the surface's umbrella Laplacian is least, held to their place by `pull`."""
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import splu

    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    count = len(vertices)
    adjacency = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    umbrella = diags(np.ones(count)) - diags(1 / np.asarray(adjacency.sum(1)).ravel()) @ adjacency
    system = (umbrella.T @ umbrella).tocsr()
    fixed = np.setdiff1d(np.arange(count), free)
    matrix = system[free][:, free] + diags(pull)
    right = pull[:, None] * vertices[free] - system[free][:, fixed] @ vertices[fixed]
    out = vertices.copy()
    out[free] = splu(matrix.tocsc()).solve(right)
    return out


def _lid_rings(points: np.ndarray, loop: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(2, 16, 3): the lid's margin turned in onto the eyeball, then back under the lid."""
    offset = points[loop] - centre
    distance = np.linalg.norm(offset, axis=1, keepdims=True)
    near = EYEBALL_RADIUS + 0.0001 + 0.25 * np.maximum(distance - EYEBALL_RADIUS - LID_THICKNESS, 0)
    margin = offset / distance * near
    outward = offset - offset.mean(0)
    outward[:, 2] = 0
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    under = margin + 0.004 * outward + [0, 0, -0.002]
    # Its end lies within the ball, so that no way leads past it, not even in the corners.
    under *= (EYEBALL_RADIUS - 0.0004) / np.linalg.norm(under, axis=1, keepdims=True)
    return centre + np.array([margin, under])


def _lining_rings(lips: np.ndarray) -> np.ndarray:
    """(LINING_RINGS, 20, 3): the mouth's inside, from the lips around the outside of the teeth to the throat."""
    middle = lips.mean(0)
    half = len(lips) // 2
    side = np.zeros(len(lips))
    side[1:half], side[half + 1 :] = 1, -1  # upper and lower lip; 0 at the corners
    fade = np.sin(np.pi * np.arange(half) / half)  # no height at the corners
    fade = np.concatenate([fade, fade])
    x = (lips[:, 0] - middle[0]) / np.abs(lips[:, 0] - middle[0]).max()
    widest = np.abs(lips[:, 0] - middle[0]).max()
    rings = []
    for wide, up, down, back, boxy in (
        (widest, 0.0015, 0.0015, 0.004, 0.5),
        (1.16 * widest, 0.0140, 0.0150, 0.0075, 0.4),
        (0.0325, 0.0165, 0.0195, 0.034, 0.22),
        (0.0180, 0.0080, 0.0160, 0.060, 0.4),
    ):
        height = side * fade**boxy
        ring = lips.copy()
        # At the back the arch's corners are square, not pointed like the mouth's.
        ring[:, 0] = middle[0] + wide * np.sign(x) * np.abs(x) ** (1 - 0.5 * (back > 0.02))
        ring[:, 1] += np.where(height > 0, up, down) * height
        # Sideways the lining runs straight back; towards the throat it becomes flat.
        flat = np.clip((back - 0.004) / 0.03, 0, 1)
        ring[:, 2] = (1 - flat) * ring[:, 2] + flat * lips[:, 2].max() - back
        rings.append(ring)
    return np.array(rings)


def coarse_skin(face: Face) -> Skin:
    """The skin before subdivision; vertices 0..467 are MediaPipe's."""
    centres = eye_centres(face)
    points = close_lips(_clear_of_eyeballs(face, centres)[:468])
    triangles = [tuple(triangle) for triangle in face.faces.tolist()]
    blocks, groups = [points], {"face": np.arange(468)}
    total = 468

    def add(name: str, rings: np.ndarray) -> np.ndarray:
        nonlocal total
        blocks.append(rings.reshape(-1, 3))
        ids = total + np.arange(rings.shape[0] * rings.shape[1]).reshape(rings.shape[:2])
        groups[name] = ids
        total += ids.size
        return ids

    oval = np.array(OVAL)
    ids = add("rings", _rings(points[oval]))
    for ring, following in zip([oval, *ids[:-1]], ids, strict=True):
        triangles += _strip(ring, following)
    right = np.array(RIGHT_EYE)
    for name, loop, centre, flip in (
        ("right_lid", right, centres[1], False),
        ("left_lid", face.mirror[right], centres[0], True),
    ):
        ids = add(name, _lid_rings(points, loop, centre))
        for ring, following in zip([loop, ids[0]], ids, strict=True):
            triangles += _strip(ring, following, flip)
    mouth = np.array(INNER_LIPS)
    ids = add("lining", _lining_rings(points[mouth]))
    for ring, following in zip([mouth, *ids[:-1]], ids, strict=True):
        triangles += _strip(ring, following)
    throat = blocks[-1][-len(mouth) :].mean(0) - [0, 0, 0.004]
    blocks.append(throat[None])
    groups["throat"] = np.array([total])
    last = ids[-1]
    triangles += [(int(last[k]), total, int(last[(k + 1) % len(last)])) for k in range(len(last))]

    vertices, faces = np.concatenate(blocks), np.array(triangles, dtype=np.int64)
    rings = groups["rings"]
    free = rings[:-1].ravel()
    y, z = vertices[free][:, 1:].T
    corner = np.exp(-(((y + 0.115) / 0.022) ** 2) - (np.minimum(z + 0.035, 0) / 0.03) ** 2)
    # Just behind the face and where the chin's underside meets the throat only smoothness counts; elsewhere the drawn
    # shape does.
    strength = np.minimum(np.arange(len(rings) - 1) / 2.5, 1.0) ** 2 * PULL
    vertices = _fair(vertices, faces, free, np.repeat(strength, rings.shape[1]) * (1 - 0.97 * corner))
    return Skin(vertices, faces, groups)


def build_skin(face: Face) -> Skin:
    """The subdivided skin, exactly left-right symmetric (positions; some diagonals of the face are MediaPipe's own)."""
    coarse = coarse_skin(face)
    vertices, faces, pairs = subdivide(coarse.vertices, coarse.faces, roundness=ROUNDNESS)
    partner = mirror_partners(coarse.vertices)
    index = {(int(a), int(b)): len(coarse.vertices) + k for k, (a, b) in enumerate(pairs)}
    mirror = np.concatenate([partner, np.full(len(pairs), -1)])
    for (a, b), own in index.items():
        p, q = int(partner[a]), int(partner[b])
        mirror[own] = index.get((min(p, q), max(p, q)), -1)
    # Some diagonals of MediaPipe's mesh have no mirror image; their midpoints pair up with the nearest of their like.
    while len(left := np.flatnonzero(mirror < 0)):
        distance = np.linalg.norm(vertices[left] - vertices[left[0]] * [-1, 1, 1], axis=1)
        other = left[distance.argmin()]
        mirror[left[0]], mirror[other] = other, left[0]
    vertices = neck_relief(meet_lips(vertices, index))
    vertices = (vertices + vertices[mirror] * [-1, 1, 1]) / 2
    return Skin(vertices, faces, {**coarse.groups, "mirror": mirror})
