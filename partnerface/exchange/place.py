"""From a recording to our conventions: square pictures of one focal length, a still camera, the head's motion explicit.

The head model poses v, a point that the skull carries, by x = G (N (v - j1) + j1 - j0) + j0 + T, with the joints j0
(root) and j1 (neck) of the person's rest shape, the rotations G (`global_orient`) and N (`neck_pose`), and T
(`translation`). A camera [R | t] in front of it composes to G' = R G and T' = R (j0 + T) + t - j0. Where the world is
the skull's own space, x = v there, and R v + t is to be x: G' = R N^T and T' = t + R j1 - G' (j1 - j0) - j0.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from partnerface.conventions import FACING_CAMERA
from partnerface.errors import InputError
from partnerface.exchange.axes import matrices, rigid, vectors
from partnerface.exchange.recording import Recording
from partnerface.head.model import HeadModel

#: Focal lengths that differ by less than this share are one.
SAME_FOCAL = 1e-6
#: Codes below this do nothing that could be seen: a standard deviation moves the surface by millimetres.
NO_CODE = 1e-3


@dataclass(frozen=True)
class Placement:
    """How the stored frames are cut from the pictures.

    Attributes:
        size: edge of the stored frames, px.
        boxes: (N, 4) x0, y0, x1, y1 in px of the pictures; may reach beyond them.
        focal: px of the stored frames, the same for all.
        principal_point: (N, 2) px of the stored frames.
    """

    size: int
    boxes: np.ndarray
    focal: float
    principal_point: np.ndarray


def placement(K: np.ndarray, size: tuple[int, int], most: int, middle: np.ndarray | None = None) -> Placement:
    """The squares to cut.

    A stored pixel is as many focal lengths wide in every frame: where the focal length changes from frame to frame the
    squares change with it, and where it differs between x and y they are no squares of the picture.

    Args:
        K: (N, 3, 3) px, pixel centres at +0.5.
        size: the pictures' width and height.
        most: greatest edge of the stored frames; nothing is enlarged.
        middle: (2,) px that the square should lie around; None is the picture's middle.
    """
    focal = np.stack([K[:, 0, 0], K[:, 1, 1]], 1)
    centre = np.stack([K[:, 0, 2], K[:, 1, 2]], 1)
    usual = float(np.median(focal[:, 0]))
    factor = focal / usual
    factor[np.abs(factor - 1) < SAME_FOCAL] = 1.0
    edges = np.array(size, np.float64)
    side = np.floor((edges / factor).min() + 1e-9)
    start = (edges - side) / 2 if middle is None else np.clip(np.round(middle - side / 2), 0, edges - side)
    start = np.floor(start)
    # Seen from its principal point, each frame shows the same part of space.
    low = np.where(factor == 1.0, start, centre + (start - np.median(centre, 0)) * factor)
    boxes = np.concatenate([low, low + side * factor], 1)
    stored = int(min(most, side))
    return Placement(stored, boxes, usual * stored / side, cut_intrinsics(K, boxes, stored)[1])


def cut_intrinsics(K: np.ndarray, boxes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths (N, 2) and principal points (N, 2), px, of the pictures' boxes (N, 4) at `size` px."""
    scale = size / (boxes[:, 2:] - boxes[:, :2])
    centre = np.stack([K[:, 0, 2], K[:, 1, 2]], 1)
    return np.stack([K[:, 0, 0], K[:, 1, 1]], 1) * scale, (centre - boxes[:, :2]) * scale


def joints_of(head: HeadModel, shape: np.ndarray) -> np.ndarray:
    """(5, 3) rest joints of a shape, float64 metres."""
    rest = head.template.astype(np.float64) + head.shape_basis.astype(np.float64) @ shape
    return head.joint_regressor.astype(np.float64) @ rest


def belongs(codes: str, head: str) -> bool:
    """Whether codes go with a head model, by both names: the same name, or FLAME of the same version.

    A format says only `flame2020`; a head's own name goes on with its size and a digest (`flame-2020-s100e50-...`). A
    FLAME file whose version nobody knows is taken: whoever names it means it, and the landmarks are compared anyway.
    """
    if codes == head:
        return True
    wanted = re.fullmatch(r"flame-?(\d{4}(?:-open|-no-jaw)?)", codes)
    have = re.match(r"flame-?(\d{4}(?:-open|-no-jaw)?|unknown)", head)
    return bool(wanted and have and have[1] in (wanted[1], "unknown"))


def head_for(recording: Recording, head: HeadModel) -> HeadModel:
    """The head with the recording's static offset.

    The offset goes into the joints as well, as the program that found it has it, which `HeadModel.with_offset` avoids.

    Raises:
        InputError: the codes belong to another head model, or the offset to another mesh.
    """
    if not belongs(recording.head, head.name):
        raise InputError(
            f"{recording.folder} has codes of the head model {recording.head}, not of {head.name}: expression bases "
            f"can't be exchanged; give a file of {recording.head} with --head, or say --basis if you know better"
        )
    offset = recording.static_offset
    if offset is None or not np.any(offset):
        return head
    if len(offset) != head.n_vertices:
        raise InputError(
            f"{recording.folder} has an offset for {len(offset)} vertices, the head model {head.name} has "
            f"{head.n_vertices}; give the model that it was tracked with"
        )
    return replace(head, template=(head.template + offset).astype(np.float32))


def fitted(values: np.ndarray, count: int, what: str) -> tuple[np.ndarray, list[str]]:
    """Codes (..., n) for a basis of `count` components: zeros are added, which changes nothing; what is cut off is
    noted."""
    have = values.shape[-1]
    if have <= count:
        return np.concatenate([values, np.zeros((*values.shape[:-1], count - have))], -1), []
    lost = np.abs(values[..., count:])
    notes = []
    if lost.max(initial=0.0) > NO_CODE:
        notes.append(
            f"{have - count} of {have} {what} codes have no place in the head model's {count} and are left out "
            f"(up to {lost.max():.2f} standard deviations)"
        )
    return values[..., :count], notes


def parameters_for(recording: Recording, head: HeadModel) -> tuple[dict[str, np.ndarray], list[str]]:
    """The head's parameters in front of our still camera, float64 under the names of tracking.npz, and notes.

    Args:
        recording: with parameters of `head`.
        head: from `head_for`.
    """
    given, count = recording.parameters, len(recording)
    shape, notes = fitted(given["shape"], head.n_shape, "shape")
    expression, more = fitted(given["expression"], head.n_expression, "expression")
    joints = joints_of(head, shape)
    root, neck = joints[0], joints[1]
    turn, shift = recording.w2c[:, :3, :3], recording.w2c[:, :3, 3]
    if recording.skull_still:
        orient = turn @ matrices(given["neck_pose"]).transpose(0, 2, 1)
        translation = shift + turn @ neck - orient @ (neck - root) - root
    else:
        orient = turn @ matrices(given["global_orient"])
        translation = (turn @ (root + given["translation"])[..., None])[..., 0] + shift - root
    if np.any(given["eyelids"]) and not np.any(head.eyelid_basis):
        more.append(f"the head model {head.name} has no eyelids; their codes are kept and do nothing")
    return {
        "shape": shape,
        "expression": expression,
        "global_orient": vectors(orient, near=FACING_CAMERA),
        "neck_pose": given["neck_pose"],
        "jaw_pose": given["jaw_pose"],
        "eye_pose": given["eye_pose"],
        "eyelids": given["eyelids"],
        "translation": translation.reshape(count, 3),
    }, [*notes, *more]


def skull_motion(tracking: dict[str, np.ndarray], head: HeadModel) -> np.ndarray:
    """(N, 4, 4) float64: how the skull's points go from rest to camera space, the neck joint's rigid motion.

    This is the camera of programs that hold the skull still and move the camera round it.
    """
    joints = joints_of(head, np.asarray(tracking["shape"], np.float64))
    root, neck = joints[0], joints[1]
    orient, bend = matrices(tracking["global_orient"]), matrices(tracking["neck_pose"])
    turn = orient @ bend
    shift = -turn @ neck + orient @ (neck - root) + root + np.asarray(tracking["translation"], np.float64)
    return rigid(turn, shift)
