"""Closing lids: the upper lid wraps over the eyeball down to the lower lid."""

import numpy as np

from partnerface.head.builtin.assembly import Assembly
from partnerface.head.builtin.skin import EYEBALL_RADIUS, LID_THICKNESS
from partnerface.head.points import RIGHT_BROW_EDGES, RIGHT_EYE, RIGHT_LID_CHAINS

CREASE = 0.0055  # height of the upper lid's fold above its margin, metres: above it the skin stays
BELOW_BROW = 0.75  # the fold's greatest height, as a share of the way from the margin to the brow
PLATE = 0.0006  # how much farther out than its margin the closed lid lies, metres
RISE = 0.15  # how far up the opening the lower lid comes to meet the upper one


def eyelid_basis(head: Assembly) -> np.ndarray:
    """(V, 3, 2) displacement that closes the subject's left and right eye."""
    right = _close_right(head)
    return np.stack([head.reflect(right), right], axis=-1)


def _margin(head: Assembly, points: tuple[int, ...], centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (metres) and elevation (radians) of a lid's margin seen from the eyeball's centre, sorted by x."""
    offset = head.vertices[list(points)] - centre
    order = np.argsort(offset[:, 0])
    return offset[order, 0], np.arctan2(offset[order, 1], offset[order, 2])


def _close_right(head: Assembly) -> np.ndarray:
    centre = head.centres[1]
    upper = _margin(head, RIGHT_LID_CHAINS[0], centre)
    lower = _margin(head, RIGHT_LID_CHAINS[1], centre)
    skin = head.vertices[: head.n_skin]
    offset = skin - centre
    x = offset[:, 0]
    elevation = np.arctan2(offset[:, 1], offset[:, 2])
    across = np.hypot(offset[:, 1], offset[:, 2])
    top, bottom = np.interp(x, *upper), np.interp(x, *lower)
    meet = bottom + RISE * (top - bottom)
    # The fold lies between margin and brow, which the lid doesn't pull.
    brow = np.interp(x, *_margin(head, RIGHT_BROW_EDGES[1], centre))
    fold = np.minimum(top + CREASE / EYEBALL_RADIUS, top + BELOW_BROW * (brow - top))
    # Lids end at the eye's corners; beyond them nothing turns.
    near = (x > upper[0][0] - 1e-6) & (x < upper[0][-1] + 1e-6) & (offset[:, 2] > -0.006)
    inner_ids = head.groups["right_lid"].ravel()
    inner = np.zeros(head.n_skin, dtype=bool)
    inner[inner_ids] = True
    loop = np.zeros(head.n_skin, dtype=bool)
    loop[list(RIGHT_EYE)] = True

    is_upper = near & (elevation >= (top + bottom) / 2) & (elevation < fold)
    along = np.clip((fold - elevation) / np.maximum(fold - top, 1e-6), 0, 1.15)  # 0 at the fold, 1 at the margin
    # The lid's plate moves as a whole; the skin that it needs unrolls from the fold.
    ease = np.where(along < 1, np.sin(np.pi / 2 * along), 1.0)
    new = np.where(is_upper, elevation + (meet - top) * ease, elevation)
    is_lower = near & (elevation < (top + bottom) / 2) & (elevation > bottom - 0.8)
    below = np.clip(1 - (bottom - elevation) / 0.8, 0, 1.1)
    new = np.where(is_lower, elevation + (meet - bottom) * below**2, new)
    # Stay outside the eyeball: at least a lid's thickness from its centre at this x. The turned-in margin stays inside.
    radius = np.where(inner | _touches(head, inner), EYEBALL_RADIUS + 0.0002, EYEBALL_RADIUS + LID_THICKNESS)
    floor = np.sqrt(np.maximum(radius**2 - x**2, 0))
    moved = np.maximum(across, floor)
    moved = np.where(is_upper | is_lower, moved, across)
    # Where the lid lay over the bone it comes down to the ball, as near as its margin at this x; so the corners stay.
    margin = head.vertices[list(RIGHT_LID_CHAINS[0])] - centre
    plate = np.interp(x, margin[:, 0], np.hypot(margin[:, 1], margin[:, 2]))
    target = np.where(is_upper & (along > 0.3), np.minimum(moved, np.maximum(floor, plate) + PLATE), moved)
    moved = np.where(is_upper, moved + (target - moved) * np.clip(along - 0.3, 0, 1) / 0.7, moved)
    displacement = np.zeros_like(skin)
    displacement[:, 1] = moved * np.sin(new) - offset[:, 1]
    displacement[:, 2] = moved * np.cos(new) - offset[:, 2]
    displacement[~(is_upper | is_lower)] = 0
    reach = head.distance_from(np.flatnonzero(loop), 0.03)
    displacement[~np.isfinite(reach)] = 0
    return head.whole(displacement)


def _touches(head: Assembly, mask: np.ndarray) -> np.ndarray:
    """(n_skin,) vertices all of whose triangles have a vertex in `mask`: midpoints between turned-in lid vertices."""
    out = np.ones(head.n_skin, dtype=bool)
    seen = np.zeros(head.n_skin, dtype=bool)
    held = mask[head.skin_faces].any(1)
    for corner in range(3):
        np.logical_and.at(out, head.skin_faces[:, corner], held)
        seen[head.skin_faces[:, corner]] = True
    return out & seen
