"""Identity components of the built-in head.

Three sources: named differences between people, measured ones, and smooth random shapes, the principal modes of a
Gaussian process over the head (Lüthi et al. 2018 for the idea) whose covariance is left-right symmetric. Each is about
one standard deviation of adults at coefficient 1.
"""

import numpy as np

from partnerface.head.builtin.assembly import Assembly
from partnerface.head.builtin.differences import DIFFERENCES
from partnerface.head.builtin.expressions import both_sides

# The process: variation of this many metres over these distances; the finer one only in the face.
COARSE_SIZE, COARSE_REACH = 0.0045, 0.085
FINE_SIZE, FINE_REACH = 0.0022, 0.026
SYMMETRIC_MODES, ASYMMETRIC_MODES = 30, 6
ASYMMETRY = 0.35  # of the symmetric variation


def _bump(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((values - centre) / width) ** 2)


def named_shapes(head: Assembly) -> dict[str, np.ndarray]:
    """Named differences, (V, 3) metres for one standard deviation."""
    v = head.vertices
    x, y, z = v.T
    zero = np.zeros_like(x)
    head_only = 1 / (1 + np.exp(-(y + 0.115) / 0.008))
    nose = _bump(x, 0, 0.014) * _bump(y, -0.028, 0.022) * np.clip((z - 0.005) / 0.03, 0, 1)
    jaw = np.clip((-0.03 - y) / 0.06, 0, 1) * head_only * np.clip((z + 0.11) / 0.04, 0, 1)
    eyes = _bump(np.abs(x), 0.0315, 0.017) * _bump(y, 0, 0.018) * np.clip((z + 0.05) / 0.04, 0, 1)
    mouth = _bump(y, -0.070, 0.016) * _bump(x, 0, 0.024) * np.clip((z + 0.03) / 0.03, 0, 1)
    cranium = np.clip((y - 0.0) / 0.06, 0, 1)
    ears = np.zeros_like(x)
    ears[head.groups["left_ear"]] = ears[head.groups["right_ear"]] = 1
    beside = np.abs(x) - 0.066
    fields = {
        "head_width": (0.045 * x * head_only, zero, zero),
        "head_height": (zero, 0.045 * (y + 0.02) * head_only, zero),
        "head_depth": (zero, zero, 0.045 * (z + 0.04) * head_only),
        "cranium_height": (zero, 0.05 * y * cranium, zero),
        "jaw_width": (0.07 * x * jaw, zero, zero),
        "chin_length": (zero, -0.004 * jaw * np.clip((-0.075 - y) / 0.035, 0, 1), zero),
        "chin_forward": (zero, zero, 0.004 * jaw * np.clip((-0.075 - y) / 0.035, 0, 1)),
        "nose_length": (zero, -0.0025 * nose * np.clip((-0.002 - y) / 0.03, 0, 1), zero),
        "nose_forward": (zero, zero, 0.0025 * nose),
        "eye_distance": (0.0018 * np.sign(x) * eyes, zero, zero),
        "eye_depth": (zero, zero, 0.0018 * eyes),
        "mouth_width": (0.07 * x * mouth, zero, zero),
        "mouth_height": (zero, 0.0018 * mouth, zero),
        "neck_width": (0.09 * x * (1 - head_only), zero, 0.09 * (z + 0.095) * (1 - head_only)),
        "ear_size": (0.08 * (x - np.sign(x) * 0.068) * ears, 0.08 * (y + 0.015) * ears, 0.08 * (z + 0.075) * ears),
        "ear_out": (0.16 * np.sign(x) * np.clip(beside, 0, None) * ears, zero, zero),
    }
    local = {name: both_sides(head, reach, anchors) for name, (reach, anchors) in DIFFERENCES.items()}
    return {**{name: np.stack(parts, 1) for name, parts in fields.items()}, **local}


def measured_shapes(head: Assembly) -> dict[str, np.ndarray]:
    """Differences between the measured people, spread over the skin and to the eyes behind it."""
    out = {}
    for number, mode in enumerate(head.face.identity):
        every = np.arange(468)
        field = head.whole(head.spread(every, mode[:468], 0.08, order=1))
        mirrored = head.reflect(field)
        sign = 1.0 if (field * mirrored).sum() >= 0 else -1.0
        out[f"measured_{number + 1}"] = (field + sign * mirrored) / 2
    return out


def _kernel(p: np.ndarray, q: np.ndarray, head: Assembly) -> np.ndarray:
    """Covariance of one coordinate between places p (n, 3) and q (m, 3)."""
    square = ((p[:, None] - q[None]) ** 2).sum(-1)

    def in_face(points: np.ndarray) -> np.ndarray:
        # Fine variation: on the front of the head, not on the cranium, neck or back.
        return 1 / (1 + np.exp(-(points[:, 2] + 0.035) / 0.008)) / (1 + np.exp((points[:, 1] - 0.065) / 0.01))

    coarse = COARSE_SIZE**2 * np.exp(-square / (2 * COARSE_REACH**2))
    fine = FINE_SIZE**2 * np.exp(-square / (2 * FINE_REACH**2))
    return coarse + fine * in_face(p)[:, None] * in_face(q)[None]


def random_shapes(head: Assembly) -> dict[str, np.ndarray]:
    """Principal modes of the process, by name; rigid motion of the head is taken out of them."""
    rings = head.groups["rings"]
    coarse = np.concatenate([np.arange(0, 468, 2), rings[::2].ravel()[::2]])
    coarse = coarse[head.vertices[coarse][:, 0] >= -1e-9]  # one half of the head; the other mirrors it
    places = head.vertices[coarse]
    flipped = places * [-1, 1, 1]
    every = head.vertices
    out: dict[str, np.ndarray] = {}
    same, across = _kernel(places, places, head), _kernel(places, flipped, head)
    to_same, to_across = _kernel(every, places, head), _kernel(every, flipped, head)
    modes: dict[bool, list[tuple[float, np.ndarray]]] = {True: [], False: []}
    for symmetric in (True, False):
        for axis in range(3):
            # x is odd under the mirror where y and z are even.
            sign = 1.0 if symmetric == (axis != 0) else -1.0
            covariance = (same + sign * across) / 2
            values, vectors = np.linalg.eigh(covariance)
            for k in np.argsort(values)[::-1][:20]:
                field = np.zeros_like(every)
                field[:, axis] = (to_same + sign * to_across) @ vectors[:, k] / 2 / np.sqrt(values[k])
                field *= np.sign(field[coarse].ravel()[np.abs(field[coarse]).argmax()])
                modes[symmetric].append((float(values[k]), field))
    for symmetric, name, count in ((True, "smooth", SYMMETRIC_MODES), (False, "uneven", ASYMMETRIC_MODES)):
        best = sorted(modes[symmetric], key=lambda item: -item[0])[:count]
        for number, (_, field) in enumerate(best):
            out[f"{name}_{number + 1}"] = _without_rigid(head, field) * (1.0 if symmetric else ASYMMETRY)
    return out


def _without_rigid(head: Assembly, field: np.ndarray) -> np.ndarray:
    """The field without the translation and the small rotation that fit it best over the skin."""
    v = head.vertices
    axes = np.eye(3)
    rigid = [np.broadcast_to(axis, v.shape) for axis in axes] + [np.cross(axis, v) for axis in axes]
    basis = np.stack([item.ravel() for item in rigid], 1)
    used = np.repeat(np.arange(len(v)) < head.n_skin, 3)
    codes = np.linalg.lstsq(basis[used], field.ravel()[used], rcond=None)[0]
    return field - (basis @ codes).reshape(-1, 3)


def shape_components(head: Assembly) -> dict[str, np.ndarray]:
    """All identity components, (V, 3) metres; eyeballs stay balls, and move with the sockets around them."""
    out = {**named_shapes(head), **measured_shapes(head), **random_shapes(head)}
    for field in out.values():
        for side, lid in (("left_eye", "left_lid"), ("right_eye", "right_lid")):
            field[head.groups[side]] = field[head.groups[lid][0]].mean(0)
    # What was measured on the skin only: ears ride on the skin before them, teeth and tongue on the lips.
    lips = np.array([13, 14, 78, 308])
    for name, field in out.items():
        if not name.startswith("measured"):
            continue
        field[head.groups["left_ear"]] = field[[454, 323, 356]].mean(0)
        field[head.groups["right_ear"]] = field[[234, 93, 127]].mean(0)
        for part in ("upper_teeth", "lower_teeth", "tongue"):
            field[head.groups[part]] = field[lips].mean(0) * [0, 1, 1]
    return out
