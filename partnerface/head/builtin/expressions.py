"""Expression components of the built-in head: named movements of the face, and what measured faces do beside them.

A component is given by how far a few of MediaPipe's points move (millimetres, at coefficient 1, which is a clear but
not an extreme movement); between and around them the skin moves as smoothly as it can, along the surface, so that lips
and lids stay apart. Directions of one-sided components are given for the right side: x outward, y up, z forward.
"""

import numpy as np

from partnerface.head.builtin import face as names
from partnerface.head.builtin.assembly import Assembly

MEASURED_MODES = 10
MEASURED_REACH = 0.05
# MediaPipe guesses depth from a single image: trust its movements in depth half as much.
DEPTH_TRUST = 0.5

Anchors = dict[tuple[int, ...], tuple[float, float, float]]

#: name → (reach in metres, {points: (outward, up, forward) in mm}), right side; the left one is its mirror image.
ONE_SIDED: dict[str, tuple[float, Anchors]] = {
    "lip_corner_up": (
        0.040,
        {
            (61, 78): (2.2, 3.6, -2.0),
            (76, 62): (2.2, 3.5, -1.9),
            (40, 91): (1.0, 0.9, -0.6),
            (205,): (0.5, 1.8, 0.8),
            (50,): (0.2, 0.9, 0.6),
            (216, 92): (1.2, 2.2, 0.0),
            (57, 186): (2.0, 3.2, -1.2),
            (0, 17): (0, 0, -0.3),
        },
    ),
    "lip_corner_down": (
        0.030,
        {
            (61, 78): (0.4, -3.0, -0.4),
            (76, 62): (0.4, -3.0, -0.4),
            (40,): (0.1, -0.6, 0.0),
            (91,): (0.2, -1.3, 0.0),
            (57,): (0.4, -2.6, 0),
            (212, 43): (0.3, -1.8, 0.2),
            (0, 17): (0, 0, 0),
        },
    ),
    "lip_corner_wide": (
        0.035,
        {
            (61, 78): (3.4, -0.2, -2.4),
            (76, 62): (3.4, -0.2, -2.3),
            (40, 91): (1.6, 0, -0.9),
            (57,): (3.0, -0.2, -1.6),
            (207, 214): (1.2, 0, 0),
            (0, 17): (0, 0, -0.4),
        },
    ),
    "upper_lip_raise": (
        0.026,
        {
            (40, 39): (0.2, 2.8, 0.6),
            (80, 81): (0.2, 2.6, 0.4),
            (74, 73): (0.2, 2.8, 0.6),
            (37, 82): (0, 1.6, 0.3),
            (165, 92): (0.3, 2.2, 0.5),
            (203,): (0.3, 1.5, 0.6),
            (61, 78): (0.2, 0.5, 0),
            (0, 13): (0, 0.6, 0.1),
        },
    ),
    "lower_lip_down": (
        0.024,
        {
            (91, 181): (0.2, -2.8, 0.0),
            (88, 178): (0.2, -2.6, -0.3),
            (90, 180): (0.2, -2.8, 0.0),
            (84, 87): (0, -1.8, 0),
            (182, 106): (0.1, -1.4, 0.2),
            (61, 78): (0.3, -0.5, 0),
            (17, 14): (0, -0.7, 0),
        },
    ),
    "brow_inner_up": (
        0.034,
        {
            (107, 55): (-0.2, 3.6, 0.3),
            (66, 65): (-0.1, 2.6, 0.3),
            (105, 52): (0, 0.9, 0),
            (108,): (0, 2.4, 0.2),
            (9,): (0, 1.4, 0.1),
            (8,): (0, 0.4, 0),
            (63, 53): (0, 0.1, 0),
            (223, 222, 221): (0, 0.6, 0.1),
        },
    ),
    "brow_outer_up": (
        0.034,
        {
            (63, 53): (0, 3.2, -0.1),
            (70, 46): (0, 2.8, -0.2),
            (105, 52): (0, 3.2, 0.1),
            (66, 65): (0, 1.4, 0),
            (107, 55): (0, 0.1, 0),
            (104, 68): (0, 2.0, 0),
            (224, 225): (0, 1.0, 0),
            (223,): (0, 0.8, 0),
        },
    ),
    "brow_down": (
        0.032,
        {
            (107, 55): (-1.0, -2.6, 0.5),
            (66, 65): (-0.6, -2.5, 0.5),
            (105, 52): (-0.2, -2.2, 0.3),
            (63, 53): (0, -1.6, 0.1),
            (70, 46): (0, -0.9, 0),
            (9,): (0, -1.4, 0.3),
            (8,): (0, -0.9, 0.2),
            (222, 223): (0, -0.9, 0.1),
            (108,): (0, -0.8, 0),
        },
    ),
    "cheek_raise": (
        0.030,
        {
            (118, 117): (0.2, 2.2, 0.9),
            (50, 101): (0.2, 1.8, 0.9),
            (230, 229): (0, 1.6, 0.5),
            (228, 231): (0, 1.2, 0.4),
            (145, 144, 153): (0, 0.7, 0.2),
            (205,): (0.1, 0.7, 0.4),
        },
    ),
    "nose_wrinkle": (
        0.026,
        {
            (129, 64): (0.3, 1.9, 0.3),
            (98, 48): (0.3, 1.6, 0.3),
            (198, 217): (0, 1.5, 0.5),
            (203, 165): (0.3, 1.8, 0.4),
            (55, 107): (-0.3, -1.2, 0.3),
            (8, 9): (0, -0.6, 0.1),
            (40, 39): (0.1, 1.2, 0.3),
            (193, 122): (0, 0.6, 0.4),
            (1, 4): (0, 0.4, 0),
        },
    ),
    "squint": (
        0.014,
        {
            (145, 144, 153): (0, 1.5, 0.3),
            (163, 154): (0, 1.1, 0.2),
            (23, 22, 24): (0, 1.2, 0.4),
            (159, 158, 160): (0, -0.7, 0.1),
            (33, 133): (0, 0, 0),
        },
    ),
    "wide_eye": (
        0.014,
        {
            (159, 158, 160): (0, 1.5, -0.3),
            (161, 157): (0, 1.0, -0.2),
            (27, 28, 29): (0, 0.9, 0),
            (145, 144, 153): (0, -0.5, 0.0),
            (33, 133): (0, 0, 0),
        },
    ),
    "cheek_puff": (
        0.036,
        {
            (205, 207): (2.0, 0, 2.4),
            (187, 192): (2.8, 0, 1.2),
            (50, 216): (1.0, 0.2, 1.2),
            (214, 212): (1.4, -0.2, 1.4),
            (61,): (-0.3, 0, 0.8),
            (61,): (-0.2, 0, 0.6),
        },
    ),
    "dimple": (
        0.028,
        {
            (61, 78): (1.6, 0.3, -2.6),
            (76, 62): (1.6, 0.3, -2.6),
            (57, 186): (1.6, 0.4, -2.0),
            (40, 91): (0.6, 0, -0.6),
            (0, 17): (0, 0, 0),
        },
    ),
}

#: The same for components of both sides at once; x outward, mirrored to the left.
TWO_SIDED: dict[str, tuple[float, Anchors]] = {
    "pucker": (
        0.040,
        {
            (61, 78): (-3.8, 0, 2.2),
            (76, 62): (-3.8, 0, 2.2),
            (40, 91): (-2.2, 0, 2.6),
            (39, 181): (-1.2, 0, 2.8),
            (80, 88): (-2.2, 0, 2.4),
            (0, 17): (0, 0, 2.8),
            (13, 14): (0, 0, 2.4),
            (57,): (-3.0, 0, 1.8),
            (207,): (-0.8, 0, 0.2),
        },
    ),
    "funnel": (
        0.036,
        {
            (61, 78): (-2.4, 0, 1.8),
            (76, 62): (-2.4, 0, 1.8),
            (0, 37): (0, 1.8, 2.8),
            (13, 82): (0, 2.0, 2.2),
            (39, 40): (-1.0, 1.4, 2.4),
            (81, 80): (-0.8, 1.4, 2.0),
            (17, 84): (0, -1.8, 2.8),
            (14, 87): (0, -2.0, 2.2),
            (181, 91): (-1.0, -1.4, 2.4),
            (178, 88): (-0.8, -1.4, 2.0),
            (57,): (-1.8, 0, 1.4),
        },
    ),
    "lip_press": (
        0.024,
        {
            (0, 37, 39): (0, -1.3, -0.8),
            (40, 185): (0, -0.8, -0.6),
            (13, 82, 81): (0, 0.2, -1.2),
            (17, 84, 181): (0, 1.5, -0.8),
            (91, 146): (0, 0.8, -0.6),
            (14, 87, 178): (0, 0.2, -1.2),
            (61, 78): (0.5, 0, -1.0),
        },
    ),
    "upper_lip_in": (
        0.022,
        {
            (0, 37, 39): (0, -1.8, -2.0),
            (40,): (0, -1.2, -1.4),
            (13, 82, 81): (0, -0.4, -2.6),
            (80,): (0, -0.3, -1.8),
            (61, 78): (0, 0, -0.4),
            (17, 14): (0, 0, 0),
        },
    ),
    "lower_lip_in": (
        0.022,
        {
            (17, 84, 181): (0, 2.0, -1.8),
            (91,): (0, 1.2, -1.4),
            (14, 87, 178): (0, 0.4, -2.6),
            (88,): (0, 0.3, -1.8),
            (61, 78): (0, 0, -0.4),
            (0, 13): (0, 0, 0),
        },
    ),
    "lips_toward": (
        0.030,
        {
            (0, 37, 39): (0, -1.6, 0.3),
            (13, 82, 81): (0, -1.8, 0.3),
            (40, 80): (0, -1.1, 0.2),
            (17, 84, 181): (0, 3.4, 0.4),
            (14, 87, 178): (0, 3.6, 0.4),
            (91, 88): (0, 2.2, 0.2),
            (61, 78): (0, 0.4, 0),
            (18, 83): (0, 2.4, 0.4),
            (200,): (0, 1.0, 0.2),
        },
    ),
    "chin_raise": (
        0.032,
        {
            (199, 175): (0, 2.0, 0.8),
            (200, 201): (0, 2.6, 1.2),
            (18, 83): (0, 2.4, 1.0),
            (17, 84, 181): (0, 2.0, 1.0),
            (14, 87, 178): (0, 1.6, 0.6),
            (0, 13, 37, 82): (0, 0.8, 0.4),
            (61, 78): (0, -0.8, 0),
            (152,): (0, 0.8, 0.2),
        },
    ),
    "lower_lip_forward": (
        0.024,
        {
            (17, 84, 181): (0, 0.3, 2.2),
            (14, 87, 178): (0, 0.3, 1.8),
            (91, 88): (0, 0.2, 1.2),
            (18,): (0, 0, 1.0),
            (61, 78): (0, 0, 0.1),
            (0, 13): (0, 0, 0),
        },
    ),
    "upper_lip_forward": (
        0.024,
        {
            (0, 37, 39): (0, 0.2, 2.0),
            (13, 82, 81): (0, 0.2, 1.6),
            (40, 80): (0, 0.1, 1.2),
            (164,): (0, 0, 0.8),
            (61, 78): (0, 0, 0.1),
            (17, 14): (0, 0, 0),
        },
    ),
    "nostril_flare": (
        0.018,
        {(64, 98, 48): (1.4, 0, 0), (129, 49): (1.2, 0.1, 0), (97,): (0.5, 0, 0), (1, 4, 2): (0, 0, 0)},
    ),
    "jaw_forward": (
        0.060,
        {
            (152, 175, 199): (0, 0, 3.0),
            (148, 176, 149): (0, 0, 2.9),
            (150, 136): (0, 0, 2.4),
            (200, 18, 17, 14): (0, 0, 2.8),
            (84, 87, 181, 178): (0, 0, 2.6),
            (172, 58): (0, 0, 1.2),
            (0, 13): (0, 0, 0.2),
            (61, 78): (0, 0, 1.0),
        },
    ),
}

#: Components that move both sides the same way; x to the subject's left, points given for both sides.
SIDEWAYS: dict[str, tuple[float, Anchors]] = {
    "mouth_left": (
        0.036,
        {
            (0, 17, 13, 14, 37, 267, 84, 314): (2.8, 0, 0),
            (61, 78): (2.6, 0, 1.0),
            (291, 308): (2.6, 0, -1.0),
            (39, 269, 181, 405): (2.8, 0, 0),
            (18, 164): (1.6, 0, 0),
            (57, 287): (2.0, 0, 0),
        },
    ),
}


def _points(anchors: Anchors) -> tuple[list[int], list[np.ndarray]]:
    places: dict[int, np.ndarray] = {}
    for points, move in anchors.items():
        for point in points:
            places[point] = np.array(move) * 1e-3
    return list(places), list(places.values())


def _spread(head: Assembly, points: list[int], moves: list[np.ndarray], reach: float) -> np.ndarray:
    return head.whole(head.spread(np.array(points), np.array(moves), reach))


def named_components(head: Assembly) -> dict[str, np.ndarray]:
    """Every named component, (V, 3) metres."""
    mirror, out = head.face.mirror, {}
    for name, (reach, anchors) in ONE_SIDED.items():
        points, moves = _points(anchors)
        moves = [move * [-1, 1, 1] for move in moves]  # outward is -x on the right side
        right = _spread(head, points, moves, reach)
        out[f"{name}_left"], out[f"{name}_right"] = head.reflect(right), right
    for name, (reach, anchors) in TWO_SIDED.items():
        points, moves = _points(anchors)
        both = dict(zip(points, (move * [-1, 1, 1] for move in moves), strict=True))
        for point, move in zip(points, moves, strict=True):
            other = int(mirror[point])
            # A point on the midline goes neither out nor in.
            both[other] = move if other != point else move * [0, 1, 1]
        field = _spread(head, list(both), list(both.values()), reach)
        out[name] = (field + head.reflect(field)) / 2
    for name, (reach, anchors) in SIDEWAYS.items():
        points, moves = _points(anchors)
        out[name] = _spread(head, points, moves, reach)
    return out


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
        skip = np.union1d(np.array(names.OVAL), _lid_points(head))
        kept = np.setdiff1d(np.arange(468), skip)
        field = head.whole(head.spread(kept, mode[kept], MEASURED_REACH))
        mirrored = head.reflect(field)
        # Each mode is symmetric or antisymmetric up to noise: make it exactly so.
        sign = 1.0 if (field * mirrored).sum() >= 0 else -1.0
        out[f"measured_{number + 1}"] = (field + sign * mirrored) / 2
    return out


def _lid_points(head: Assembly) -> np.ndarray:
    right = np.array(names.RIGHT_EYE)
    return np.concatenate([right, head.face.mirror[right]])
