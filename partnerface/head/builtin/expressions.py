"""Expression components of the built-in head: named movements of the face, and what measured faces do beside them.

`movements` says how far a few of MediaPipe's points move in each named component; between and around them the skin
moves as smoothly as it can, along the surface, so that lips and lids stay apart.
"""

import numpy as np

from partnerface.head.builtin.assembly import Assembly
from partnerface.head.builtin.movements import HALVED, ONE_SIDED, SIDEWAYS, TWO_SIDED, Anchors
from partnerface.head.points import OVAL, RIGHT_EYE

MEASURED_MODES = 16
MEASURED_REACH = 0.05
MIDLINE = 0.010  # halves of a movement overlap this far to both sides of the midline, metres
TONGUE_OUT, TONGUE_UP = 0.015, 0.004
# MediaPipe guesses depth from a single image: trust its movements in depth half as much.
DEPTH_TRUST = 0.5


def _points(anchors: Anchors) -> tuple[list[int], list[np.ndarray]]:
    places: dict[int, np.ndarray] = {}
    for points, move in anchors.items():
        for point in points:
            places[point] = np.array(move) * 1e-3
    return list(places), list(places.values())


def _spread(head: Assembly, points: list[int], moves: list[np.ndarray], reach: float) -> np.ndarray:
    return head.whole(head.spread(np.array(points), np.array(moves), reach))


def both_sides(head: Assembly, reach: float, anchors: Anchors) -> np.ndarray:
    """(V, 3) symmetric displacement of both sides, given for the right one."""
    points, moves = _points(anchors)
    both = dict(zip(points, (move * [-1, 1, 1] for move in moves), strict=True))
    for point, move in zip(points, moves, strict=True):
        other = int(head.face.mirror[point])
        # A point on the midline goes neither out nor in.
        both[other] = move if other != point else move * [0, 1, 1]
    field = _spread(head, list(both), list(both.values()), reach)
    return (field + head.reflect(field)) / 2


def component_names() -> tuple[str, ...]:
    """The names of all components in the model's order, without making the model."""
    sided = [f"{name}_{side}" for name in (*ONE_SIDED, *HALVED) for side in ("left", "right")]
    measured = [f"measured_{number + 1}" for number in range(MEASURED_MODES)]
    return (*sided, *TWO_SIDED, *SIDEWAYS, "tongue_out", *measured)


def named_components(head: Assembly) -> dict[str, np.ndarray]:
    """Every named component, (V, 3) metres."""
    out = {}
    for name, (reach, anchors) in ONE_SIDED.items():
        points, moves = _points(anchors)
        moves = [move * [-1, 1, 1] for move in moves]  # outward is -x on the right side
        right = _spread(head, points, moves, reach)
        out[f"{name}_left"], out[f"{name}_right"] = head.reflect(right), right
    for name, (reach, anchors) in HALVED.items():
        field = both_sides(head, reach, anchors)
        left = field * _left_share(head)[:, None]
        out[f"{name}_left"], out[f"{name}_right"] = left, field - left
    for name, (reach, anchors) in TWO_SIDED.items():
        out[name] = both_sides(head, reach, anchors)
    for name, (reach, anchors) in SIDEWAYS.items():
        points, moves = _points(anchors)
        out[name] = _spread(head, points, moves, reach)
    out["tongue_out"] = _tongue_out(head)
    return out


def _left_share(head: Assembly) -> np.ndarray:
    """(V,) how much of a movement belongs to the left half: 1 there, 0 on the right, smooth across the midline."""
    across = np.clip(head.vertices[:, 0] / MIDLINE, -1, 1)
    return (1 + np.sin(np.pi / 2 * across)) / 2


def _tongue_out(head: Assembly) -> np.ndarray:
    """(V, 3) the tongue's tip pushed over the lower teeth, for an open mouth; its root stays."""
    ids = head.groups["tongue"]
    place = head.vertices[ids]
    along = (place[:, 2] - place[:, 2].min()) / np.ptp(place[:, 2])  # 0 at the root, 1 at the tip
    field = np.zeros_like(head.vertices)
    field[ids, 1] = TONGUE_UP * np.sin(np.pi * np.clip(along, 0, 1)) ** 2
    field[ids, 2] = TONGUE_OUT * along**1.5
    return field


def measured_components(head: Assembly, known: np.ndarray) -> dict[str, np.ndarray]:
    """What real faces do beside the known movements.

    Args:
        known: (V, 3, k) displacements that are in the model already: named components, lids, the jaw's first order.

    Returns:
        Components by name, (V, 3), one standard deviation each: principal directions of the measured motion with the
        part taken out that the known movements explain (least squares with a small penalty, over MediaPipe's points).
    """
    trust = np.array([1.0, 1.0, DEPTH_TRUST])
    rows = (head.face.motion[:, :468] * trust).reshape(len(head.face.motion), -1)
    basis = (known[:468] * trust[:, None]).reshape(468 * 3, -1)
    penalty = 1e-3 * np.trace(basis.T @ basis) / basis.shape[1]
    explained = basis @ np.linalg.solve(basis.T @ basis + penalty * np.eye(basis.shape[1]), basis.T @ rows.T)
    rest = rows - explained.T
    _, values, directions = np.linalg.svd(rest, full_matrices=False)
    out = {}
    for number in range(MEASURED_MODES):
        mode = (directions[number] * values[number]).reshape(468, 3)
        mode *= np.sign(mode.ravel()[np.abs(mode).argmax()])
        # Eyelid points are left to the lids, and the outline does not move by itself.
        skip = np.union1d(np.array(OVAL), _lid_points(head))
        kept = np.setdiff1d(np.arange(468), skip)
        field = head.whole(head.spread(kept, mode[kept], MEASURED_REACH))
        mirrored = head.reflect(field)
        # Each mode is symmetric or antisymmetric up to noise: make it exactly so.
        sign = 1.0 if (field * mirrored).sum() >= 0 else -1.0
        out[f"measured_{number + 1}"] = (field + sign * mirrored) / 2
    return out


def _lid_points(head: Assembly) -> np.ndarray:
    right = np.array(RIGHT_EYE)
    return np.concatenate([right, head.face.mirror[right]])
