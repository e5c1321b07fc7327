"""Pose correctives of the built-in head: `python -m partnerface.head.builtin.correctives`.

Linear blend skinning pulls skin between two bones along straight lines: an opening jaw thins the cheeks, leaves the
mouth's corners where they are and folds the skin below the chin; a turning neck narrows. Here the skin settles as an
elastic sheet between skull and jaw (`elastic`), and the neck's cross-sections turn as wholes, each by its share of the
angle, so that they keep their form. In a set of poses the difference to skinning, taken back to rest, is fitted by
least squares as a linear map of R - I, the form of SMPL's and FLAME's correctives. It takes seconds, so the map is kept
in a file, for the mesh that it was made for.

An opening jaw also slides: its condyles leave their sockets forwards and downwards, by about half a
millimetre per degree in adults, which keeps the chin off the throat.
"""

from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import PartNerFaceError
from partnerface.head.builtin.assembly import Assembly
from partnerface.head.builtin.elastic import Sheet
from partnerface.head.model import POSE_FEATURES

DATA = Path(__file__).parent.parent / "data" / "poses.npz"
NECK, JAW = 1, 2
#: Poses that are fitted: rotations about x and y (and z for the neck), radians; y and z also mirrored.
JAW_POSES = ((0.08, 0, 0), (0.16, 0, 0), (0.28, 0, 0), (0.42, 0, 0), (0.60, 0, 0), (0.0, 0.15, 0), (0.25, 0.15, 0))
NECK_POSES = ((0.25, 0, 0), (0.5, 0, 0), (-0.25, 0, 0), (-0.5, 0, 0), (0, 0.4, 0), (0, 0.8, 0), (0, 0, 0.3))
SLIDE = np.array([0.0, -0.0100, 0.0260])  # of the condyles, metres per radian of opening, up and forward
ROUNDS = 30
STEPS = 256  # into which a vertex' share of an angle is rounded
#: Pull of the bones where skin moves with one bone alone, against the stiffness of the skin between (about 1 per edge).
HOLD, SHARPNESS = 0.6, 6
SPRING, CHEEK_SPRING_LENGTH, ALIKE = 0.15, 0.022, 0.3
RIDGE = 1e-4
SAME_MESH = 2e-6  # metres


def rotation(axis_angle: np.ndarray) -> np.ndarray:
    """(3, 3) by Rodrigues' formula."""
    angle = np.linalg.norm(axis_angle)
    if angle == 0:
        return np.eye(3)
    x, y, z = axis_angle / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def skinned(places: np.ndarray, share: np.ndarray, turn: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """(n, 3) linear blend skinning by one joint: `share` (n,) of its rotation about itself, the rest of none."""
    moved = (places - joint) @ turn.T + joint
    return places + share[:, None] * (moved - places)


def unskinned(moved: np.ndarray, share: np.ndarray, turn: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """The inverse of `skinned`."""
    blend = (1 - share)[:, None, None] * np.eye(3) + share[:, None, None] * turn
    return np.linalg.solve(blend, (moved - share[:, None] * (joint - turn @ joint))[..., None])[..., 0]


def sheet(head: Assembly, share: np.ndarray) -> Sheet:
    """The skin with springs through cheeks and lips, held where `share` (n_skin,) is near 0 or 1."""
    from scipy.spatial import KDTree

    rest = head.vertices[: head.n_skin]
    inside = _lining(head)
    outside = np.setdiff1d(np.arange(head.n_skin), inside)
    found: Any = KDTree(rest[inside]).query(rest[outside], k=2, distance_upper_bound=CHEEK_SPRING_LENGTH)
    close, near = np.isfinite(found[0]), found[1]
    springs = np.stack([np.repeat(outside, 2)[close.ravel()], inside[near[close]]], 1)
    alike = np.abs(share[springs[:, 0]] - share[springs[:, 1]]) < ALIKE  # not from one lip to the other
    springs = springs[alike]
    pull = HOLD * np.abs(2 * share - 1) ** SHARPNESS
    return Sheet.of(rest, head.skin_faces, springs, SPRING, pull)


def _lining(head: Assembly) -> np.ndarray:
    """Ids of the skin within the mouth, the lips' inner edge not among them."""
    inner = np.zeros(head.n_skin, dtype=bool)
    inner[head.groups["lining"].ravel()] = inner[head.groups["throat"]] = True
    coarse = np.append(np.arange(int(head.groups["throat"].max()) + 1), [])
    fine = np.setdiff1d(np.arange(head.n_skin), coarse)
    touched = np.zeros(head.n_skin, dtype=bool)
    for corner in range(3):
        touched[head.skin_faces[inner[head.skin_faces].any(1), corner]] = True
    inner[fine] |= touched[fine]
    return np.flatnonzero(inner)


def slide(angle: np.ndarray) -> np.ndarray:
    """(3,) how far the jaw's hinge leaves its place, metres, skull's axes, at a pose of the jaw."""
    return SLIDE * np.sin(max(float(angle[0]), 0.0))


def settled(head: Assembly, weights: np.ndarray, joints: np.ndarray, joint: int, angle: np.ndarray) -> np.ndarray:
    """(V, 3) displacement at rest that, skinned, brings the head to where bones and skin go at this pose."""
    share = 1 - weights[:, 0] if joint == NECK else weights[:, joint]
    turn, hinge = rotation(angle), joints[joint]
    # Each vertex turned by its own share of the angle.
    steps = np.stack([rotation(angle * part) for part in np.linspace(0, 1, STEPS + 1)])
    turns = steps[np.round(share * STEPS).astype(int)]
    if joint == NECK:
        goal = (turns @ (head.vertices - hinge)[..., None])[..., 0] + hinge
    else:
        goal = skinned(head.vertices, share, turn, hinge) + share[:, None] * slide(angle)
        goal[: head.n_skin] = sheet(head, share[: head.n_skin]).settle(
            goal[: head.n_skin], turns[: head.n_skin], ROUNDS
        )
    return unskinned(goal, share, turn, hinge) - head.vertices


def fit_joint(head: Assembly, weights: np.ndarray, joints: np.ndarray, joint: int) -> np.ndarray:
    """(V, 3, 9) displacement per element of R - I of one joint."""
    features, goals = [], []
    flip = np.array([1.0, -1.0, -1.0])
    for pose in JAW_POSES if joint == JAW else NECK_POSES:
        angle = np.array(pose, dtype=float)
        goal = settled(head, weights, joints, joint, angle)
        if not angle[1:].any():
            goal = (goal + head.reflect(goal)) / 2
        for turned, moved in ((angle, goal), (angle * flip, head.reflect(goal))):
            features.append((rotation(turned) - np.eye(3)).ravel())
            goals.append(moved.ravel())
    system, right = np.array(features), np.array(goals)
    normal = system.T @ system + RIDGE * np.eye(9)
    return np.linalg.solve(normal, system.T @ right).T.reshape(-1, 3, 9)


def make(head: Assembly, weights: np.ndarray, joints: np.ndarray) -> dict[str, np.ndarray]:
    """What the file holds: the mesh it is for, the vertices that are corrected, and their maps (n, 3, 9), metres."""
    out = {"mesh": head.vertices.astype(np.float32)}
    for name, joint in (("neck", NECK), ("jaw", JAW)):
        field = fit_joint(head, weights, joints, joint)
        used = np.flatnonzero(np.abs(field).max((1, 2)) > 2e-5)
        out |= {f"{name}_vertices": used.astype(np.int16), f"{name}_map": field[used].astype(np.float16)}
    return out


def pose_basis(head: Assembly) -> np.ndarray:
    """(V, 3, 36) the correctives of the file.

    Raises:
        PartNerFaceError: the file is of another mesh.
    """
    with np.load(DATA, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    if arrays["mesh"].shape != head.vertices.shape or np.abs(arrays["mesh"] - head.vertices).max() > SAME_MESH:
        raise PartNerFaceError(
            f"{DATA.name} corrects another head than this code draws; make it again with "
            "python -m partnerface.head.builtin.correctives"
        )
    out = np.zeros((len(head.vertices), 3, POSE_FEATURES))
    for name, joint in (("neck", NECK), ("jaw", JAW)):
        first = 9 * (joint - 1)
        out[arrays[f"{name}_vertices"].astype(np.int64), :, first : first + 9] = arrays[f"{name}_map"]
    return out


def main() -> None:
    """Make the file for the head that the code draws."""
    from partnerface.head.builtin.assembly import assemble
    from partnerface.head.builtin.weights import joint_regressor, skinning_weights

    head = assemble()
    np.savez_compressed(DATA, **make(head, skinning_weights(head), joint_regressor(head) @ head.vertices))  # type: ignore[arg-type]
    print(f"{DATA}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
