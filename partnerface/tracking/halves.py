"""MediaPipe's landmarks in two interleaved halves: what one half says of a face is tried on the other.

Neighbouring landmarks go to different halves, so that both cover every part of the face. Two kinds of landmarks stay
together: a point and its mirror image, because otherwise the head model's symmetry would give an unseen point away
through the other side of the face; and the two ends of an opening (upper and lower lid, upper and lower lip), because
the fit meets openings as differences, which it could not if one end were unseen.
"""

from functools import cache

import numpy as np

from partnerface.head import points as marks
from partnerface.head.builtin.face import load_face
from partnerface.tracking import scheme

#: Landmarks so near are neighbours.
NEIGHBOURS = 6


@cache
def halves() -> np.ndarray:
    """(478,) bool: True for one half, False for the other; the same on every machine."""
    face = load_face()
    together = _components(face.mirror)
    near = _neighbours(face.points)
    # Maximum cut by single moves: each group of landmarks goes to the half that fewer of its neighbours are in.
    groups = int(together.max()) + 1
    joint = np.zeros((groups, groups))
    np.add.at(joint, (together[:, None], together[None]), near)
    np.fill_diagonal(joint, 0.0)
    side = np.where(_order(face.points, together) % 2, 1.0, -1.0)
    size = np.bincount(together)
    while True:
        # What a move gains in cut neighbours, plus a little for evenness.
        gain = side * (joint @ side) + _EVENNESS * size * (side * (size @ side) - size)
        best = int(gain.argmax())
        if gain[best] <= 1e-9:
            break
        side[best] = -side[best]
    return side[together] > 0


_EVENNESS = 0.01


def _components(mirror: np.ndarray) -> np.ndarray:
    """(478,) number of the group of landmarks that stay together."""
    group = np.arange(marks.COUNT)
    pairs = [*enumerate(mirror), *scheme.OPENINGS]
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(group[a], group[b])
            if group[a] != low or group[b] != low:
                group[a] = group[b] = low
                changed = True
    return np.unique(group, return_inverse=True)[1]


def _neighbours(mean: np.ndarray) -> np.ndarray:
    """(478, 478) symmetric: 1 between nearest neighbours; an iris neighbours nothing but itself."""
    distance = np.linalg.norm(mean[:, None] - mean[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    for iris in (marks.LEFT_IRIS, marks.RIGHT_IRIS):
        inside = np.isin(np.arange(len(mean)), iris)
        distance[inside[:, None] != inside] = np.inf
    near = np.zeros_like(distance)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
    near[np.arange(len(mean))[:, None], nearest] = 1.0
    near[~np.isfinite(distance)] = 0.0
    return np.maximum(near, near.T)


def _order(mean: np.ndarray, together: np.ndarray) -> np.ndarray:
    """(groups,) rank of each group from the top of the face to the bottom: a deterministic start."""
    height = np.bincount(together, weights=mean[:, 1].astype(np.float64)) / np.bincount(together)
    return np.argsort(np.argsort(-height, kind="stable"), kind="stable")
