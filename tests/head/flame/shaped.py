"""Heads of FLAME's layout, made from the built-in head: another mesh, deformed in a known way, and files of them."""

import io
import pickle
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csc_matrix

from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.mesh import edges
from partnerface.head.model import HeadModel

SHAPES, EXPRESSIONS = 12, 10


@dataclass
class Shaped:
    """A head in FLAME's layout.

    Attributes:
        held: what its pickle holds.
        warped: (V, 3) where the built-in head's vertices went.
        joints: (5, 3).
        warp: (n, 3) → (n, 3), the deformation.
        rows: (m, 3) vertices and (m, 3) weights of the built-in head that each vertex is made of.
    """

    held: dict
    warped: np.ndarray
    joints: np.ndarray
    rows: tuple[np.ndarray, np.ndarray]


def warp(points: np.ndarray) -> np.ndarray:
    """A different person: larger, nodding, moved, with a longer chin, broader cheeks and another nose. Metres."""
    x, y, z = points.T.copy()
    chin = np.exp(-((y + 0.09) ** 2 + (z - 0.05) ** 2) / 0.05**2)
    nose = np.exp(-(x**2 + (y + 0.01) ** 2 + (z - 0.08) ** 2) / 0.02**2)
    moved = np.stack([x * (1 + 0.06 * np.cos(20 * y)), y - 0.006 * chin, z + 0.004 * nose + 0.003 * np.sin(30 * y)], 1)
    turn = np.radians(4.0)
    nod = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    return 1.04 * moved @ nod.T + np.array([0.002, -0.03, 0.011])


def ambo(faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Another mesh of the same surface, without any of its vertices: each edge's middle is one.

    Returns:
        rows (n, 3) and weights (n, 3): which vertices of the old mesh a new one blends; faces (m, 3).
    """
    pairs = edges(faces)
    index = {(int(a), int(b)): number for number, (a, b) in enumerate(pairs)}

    def middle(a: int, b: int) -> int:
        return index[min(a, b), max(a, b)]

    new, around = [], {}
    for a, b, c in faces.tolist():
        new.append((middle(a, b), middle(b, c), middle(c, a)))
        for tip, after, before in ((a, b, c), (b, c, a), (c, a, b)):
            around.setdefault(tip, {})[middle(tip, after)] = middle(tip, before)
    for following in around.values():
        if len(following) < 3 or set(following) != set(following.values()):
            continue  # at a border the corner is cut off
        first = start = next(iter(following))
        second = following[first]
        while following[second] != start:
            new.append((first, second, following[second]))
            second = following[second]
    rows = np.concatenate([pairs, pairs[:, :1]], 1)
    return rows, np.tile([0.5, 0.5, 0.0], (len(pairs), 1)), np.array(new)


def flame_shaped(head: HeadModel, remesh: bool = True, seed: int = 0) -> Shaped:
    """A head of FLAME's layout with the built-in head's bases, without teeth, tongue and the mouth's inside."""
    faces = head.faces.astype(np.int64)
    faces = faces[~(head.regions == CLASS_NAMES.index("mouth_inside"))[faces].any(1)]
    if remesh:
        rows, shares, faces = ambo(faces, head.n_vertices)
    else:
        kept = np.unique(faces)
        number = np.full(head.n_vertices, -1)
        number[kept] = np.arange(len(kept))
        rows, faces = np.repeat(kept[:, None], 3, 1), number[faces]
        shares = np.tile([1.0, 0, 0], (len(kept), 1))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows))
    rows, shares, faces = rows[order], shares[order], np.argsort(order)[faces][rng.permutation(len(faces))]

    def blend(values: np.ndarray) -> np.ndarray:
        return (values.astype(np.float64)[rows] * shares.reshape(*shares.shape, *[1] * (values.ndim - 1))).sum(1)

    warped = warp(head.template.astype(np.float64))
    template = blend(warped)
    own = head.joint_regressor.astype(np.float64) @ head.template
    regressor = np.zeros((5, len(rows)))
    weights = blend(head.skinning_weights)
    for joint in range(5):
        if joint < 3:
            near = np.argsort(np.linalg.norm(template - warp(own[joint : joint + 1]), axis=1))[:200]
            goal = warp(own[joint : joint + 1])[0]
        else:
            near = np.flatnonzero(weights[:, joint] > 0.5)
            goal = (template[near].max(0) + template[near].min(0)) / 2
        system = np.concatenate([template[near].T, np.ones((1, len(near)))])
        regressor[joint, near] = np.linalg.pinv(system) @ np.append(goal, 1.0)
    shapes = np.zeros((len(rows), 3, 400))
    shapes[..., :SHAPES] = 1.04 * blend(head.shape_basis[..., :SHAPES])
    shapes[..., 300 : 300 + EXPRESSIONS] = 1.04 * blend(head.expression_basis[..., :EXPRESSIONS])
    poses = rng.normal(size=(len(rows), 3, 36)) * 1e-5
    held = {
        "v_template": template,
        "shapedirs": shapes,
        "posedirs": poses,
        "J_regressor": csc_matrix(regressor),
        "J": regressor @ template,
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], dtype=np.uint32),
        "f": faces.astype(np.uint32),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    return Shaped(held, warped, regressor @ template, (rows, shares))


class _Ch:
    """What chumpy's arrays look like in a pickle."""

    def __init__(self, x: np.ndarray):
        self.x, self._dirty_vars, self._itr, self._depends_on_deps = x, set(), None, {}


def dump(held: dict, path: Path, protocol: int = 2, chumpy: bool = False) -> Path:
    """Write `held` as a pickle, as FLAME's makers do: by Python 2's protocol, arrays wrapped by chumpy if so wished."""
    module = types.ModuleType("chumpy.ch")
    _Ch.__module__, _Ch.__qualname__, _Ch.__name__ = "chumpy.ch", "Ch", "Ch"
    module.Ch = _Ch  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("chumpy", "chumpy.ch")}
    sys.modules.update({"chumpy": types.ModuleType("chumpy"), "chumpy.ch": module})
    try:
        wrapped = {key: _Ch(value) if chumpy and key in ("v_template", "shapedirs") else value
                   for key, value in held.items()}  # fmt: skip
        stream = io.BytesIO()
        pickle.dump(wrapped, stream, protocol=protocol)
    finally:
        for name, item in before.items():
            if item is None:
                del sys.modules[name]
            else:
                sys.modules[name] = item
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())
    return path
