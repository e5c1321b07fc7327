"""The neutral of a person: the face at rest, the head's usual pose and the usual direction of gaze, from a clip.

Trackers differ in what a code of zero looks like on a face, people in what their faces look like at rest; what one
person's motion means for another is therefore measured from each one's own neutral.

* Face: of the frames with open eyes those with the mouth most nearly closed, and of these the half around the commonest
  face. The commonest is the geometric median of the face's points, which half of the frames may leave without moving
  it; a smile or a frown that is made now and then does not count. The codes are the medians over these frames.
* Pose: the geometric medians of rotations and translations over the frames with open eyes: who looks down or frowns has
  the head elsewhere.
* Gaze: the geometric median of the eyes' directions over these frames, taken in the axes of the neutral head, so that
  eyes which hold the camera while the head turns away look straight on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from partnerface.conventions import FACING_CAMERA, MOTION_NAMES
from partnerface.errors import InputError
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.model import HeadModel
from partnerface.head.points import IRISES, LEFT_EYE, MOUTH_OPENING, ON_SKIN, RIGHT_EYE
from partnerface.head.posing import posed_landmarks

Arrays = dict[str, np.ndarray]

#: An eye is open as long as no lid is this much lower than in the quarter of the frames in which it is highest.
LID_LOWERED, USUALLY_OPEN = 0.1, 0.25
#: Of the open-eyed frames this share has the mouth most nearly closed; and those that are hardly more open, metres.
CLOSED_SHARE, HARDLY = 0.05, 0.001
#: Of these, the share around the commonest face.
CORE = 0.5
FEWEST = 5
#: Root mean square distance of the face's points from their mean on the built-in head, metres.
AVERAGE_SPREAD = 0.0535


@dataclass(frozen=True)
class Neutral:
    """A person at rest.

    Attributes:
        values: of MOTION_NAMES, one row each: (E,), (3,), ...
        size: of the face, 1 on average: pictures of one camera do not tell a near small head from a far large one, so
            that lengths of two people are compared in units of their faces.
    """

    values: Arrays
    size: float


def matrices(axis_angle: np.ndarray) -> np.ndarray:
    """(..., 3, 3) float64 rotations of axis-angle vectors (..., 3)."""
    return axis_angle_to_matrix(torch.tensor(np.asarray(axis_angle, np.float64))).numpy()


def vectors(rotation: np.ndarray, near: tuple[float, float, float] | None = None) -> np.ndarray:
    """(..., 3) float64, the inverse of `matrices`; `near` as in `matrix_to_axis_angle`."""
    around = None if near is None else torch.tensor(near, dtype=torch.float64)
    return matrix_to_axis_angle(torch.tensor(np.asarray(rotation, np.float64)), near=around).numpy()


def geometric_median(rows: np.ndarray, rounds: int = 60) -> np.ndarray:
    """(D,) the point with the least sum of distances to rows (n, D), by Weiszfeld's iteration from their mean."""
    rows = np.asarray(rows, np.float64)
    middle = rows.mean(0)
    scale = max(float(np.abs(rows - middle).max(initial=0.0)), 1e-12)
    for _ in range(rounds):
        weight = 1 / np.maximum(np.linalg.norm(rows - middle, axis=1), 1e-6 * scale)
        moved = weight @ rows / weight.sum()
        if np.abs(moved - middle).max() < 1e-9 * scale:
            break
        middle = moved
    return moved if len(rows) > 1 else middle


def middle_rotation(rotation: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation nearest to the geometric median of rotations (n, 3, 3)."""
    left, _, right = np.linalg.svd(geometric_median(rotation.reshape(-1, 9)).reshape(3, 3))
    return left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right


def face_size(head: HeadModel, shape: np.ndarray) -> float:
    """The spread of MediaPipe's points over a face with a shape (S,), as a multiple of the average."""
    rest = head.template.astype(np.float64) + head.shape_basis.astype(np.float64) @ np.asarray(shape, np.float64)
    points = (rest[head.mediapipe_faces] * head.mediapipe_weights[..., None])[:ON_SKIN].sum(1)
    return float(np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean())) / AVERAGE_SPREAD


def _open_eyed(lids: np.ndarray) -> np.ndarray:
    """Positions of the frames with open eyes, from the lids (N, 2)."""
    lowered = (lids - np.quantile(lids, USUALLY_OPEN, axis=0)).max(1)
    found = np.flatnonzero(lowered <= LID_LOWERED)
    return found if len(found) >= FEWEST else np.argsort(lowered, kind="stable")[:FEWEST]


def _resting_frames(head: HeadModel, tracking: Mapping[str, np.ndarray], open_eyed: np.ndarray) -> np.ndarray:
    """Positions of the frames whose face is at rest, in order, of those with open eyes."""
    still = {name: np.zeros_like(tracking[name]) for name in ("global_orient", "neck_pose", "translation")}
    points = posed_landmarks(head, {**tracking, **still})
    pairs = np.array(MOUTH_OPENING)
    opening = np.linalg.norm(points[:, pairs[:, 0]] - points[:, pairs[:, 1]], axis=-1).mean(1)[open_eyed]
    closed = open_eyed[opening <= np.quantile(opening, CLOSED_SHARE) + HARDLY]
    if len(closed) < FEWEST:
        closed = open_eyed[np.argsort(opening, kind="stable")[:FEWEST]]
    lasting = np.setdiff1d(np.arange(ON_SKIN), [*IRISES, *RIGHT_EYE, *LEFT_EYE])
    faces = points[closed][:, lasting].reshape(len(closed), -1)
    away = np.linalg.norm(faces - geometric_median(faces), axis=1)
    count = max(min(FEWEST, len(closed)), round(CORE * len(closed)))
    return np.sort(closed[np.argsort(away, kind="stable")[:count]])


def find_neutral(
    head: HeadModel,
    tracking: Mapping[str, np.ndarray],
    frames: np.ndarray | None = None,
    rest: np.ndarray | None = None,
) -> Neutral:
    """The neutral of a tracked clip of N frames; see the module.

    Args:
        head: the head that was fitted.
        tracking: the arrays of tracking.npz or dataset.npz.
        frames: (n,) positions of the frames to look at, None for all.
        rest: (m,) positions of frames in which the face is known to be at rest, where the choice is not to be made.

    Raises:
        InputError: there are no frames.
    """
    chosen = np.arange(len(tracking["expression"])) if frames is None else np.asarray(frames)
    if not len(chosen):
        raise InputError("the clip has no tracked frame, so that there is no neutral; give a clip with a face")
    some = {name: np.asarray(tracking[name], np.float64)[chosen] for name in MOTION_NAMES}
    if rest is None:
        still = {name: value.astype(np.float32) for name, value in some.items()}
        rest = chosen[_resting_frames(head, {**still, "shape": tracking["shape"]}, _open_eyed(some["eyelids"]))]
    values = {
        name: np.median(np.asarray(tracking[name], np.float64)[rest], axis=0)
        for name in ("expression", "jaw_pose", "eyelids")
    }
    seen = {name: value[_open_eyed(some["eyelids"])] for name, value in some.items()}
    torso, neck = matrices(seen["global_orient"]), matrices(seen["neck_pose"])
    values["global_orient"] = vectors(middle_rotation(torso), near=FACING_CAMERA)
    values["neck_pose"] = vectors(middle_rotation(neck))
    values["translation"] = geometric_median(seen["translation"])
    straight = matrices(values["global_orient"]) @ matrices(values["neck_pose"])
    turned = straight.T @ torso @ neck
    eyes = [matrices(seen["eye_pose"][:, side]) for side in (slice(0, 3), slice(3, 6))]
    values["eye_pose"] = np.concatenate([vectors(middle_rotation(turned @ eye)) for eye in eyes])
    return Neutral({name: values[name] for name in MOTION_NAMES}, face_size(head, tracking["shape"]))
