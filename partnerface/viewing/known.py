"""What is known of a subject: a neutral pose, and how far training saw each thing move."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion, Whitening
from partnerface.conventions import FACING_CAMERA, MOTION_NAMES
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

#: What a slider shows as seen in training leaves out so much at both ends: single frames that were tracked badly.
TAIL = 0.01
#: Of a file that holds no motion: training saw so many standard deviations to both sides of the mean.
DEVIATIONS = 2.5
#: The neck turned the head in training if it moved by more than this, radians.
MOVES = 0.05


@dataclass
class Known:
    """What is known of a subject.

    Attributes:
        neutral: one frame: a face at rest.
        seen: by FLAME's names, and `head` for the rotation vector of the head away from facing the camera: lowest and
            highest value (D, 2) that training saw; radians where they are angles.
        neck_turns: whether the tracker turned the head by its neck, or by `global_orient`.
    """

    neutral: Motion
    seen: dict[str, Tensor]
    neck_turns: bool


def stored_motion(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray] | None:
    """The training frames' motion (T, .), the frame at rest (1, .) by MOTION_NAMES, and the frames' times (T,), s.

    None where an avatar's file does not hold them.
    """
    with safe_open(path, "np") as file:
        held = set(file.keys())
        if not {f"neutral.{name}" for name in MOTION_NAMES} <= held:
            return None
        motion = {name: file.get_tensor(f"motion.{name}") for name in MOTION_NAMES}
        neutral = {name: file.get_tensor(f"neutral.{name}")[None] for name in MOTION_NAMES}
        return motion, neutral, file.get_tensor("motion.time_s")


def guessed(avatar: Avatar) -> Known:
    """What is known of an avatar whose file holds no motion.

    It holds of the training frames' motion the mean and those principal components that the codes keep. Neutral is then
    a face without expression that looks into the camera from the mean place, and the range is guessed from the
    components: features are mean + z pinv(matrix) with z of unit variance.
    """
    components = avatar.surface.head.expression_basis.shape[2]
    face = dict(
        zip(
            ("expression", "jaw_pose", "eyelids", "eye_pose", "neck_pose"),
            _usual(avatar.expression).split([components, 3, 2, 6, 3], dim=1),
            strict=True,
        )
    )
    pose = _usual(avatar.pose)
    facing, neck = axis_angle_to_matrix(torch.tensor(FACING_CAMERA)), axis_angle_to_matrix(face["neck_pose"])
    torso = axis_angle_to_matrix(pose[:, :3]) @ facing @ neck.transpose(1, 2)
    frames = Motion(**face, global_orient=matrix_to_axis_angle(torso), translation=pose[:, 3:])
    rest = {name: torch.zeros_like(value[1:2]) for name, value in vars(frames).items()}
    rest["translation"] = frames.translation[1:2]
    if _neck_turns(frames):
        # The torso stays as it stood on the mean, and the neck turns the head to the camera.
        rest["global_orient"] = frames.global_orient[1:2]
        rest["neck_pose"] = matrix_to_axis_angle(torso[1].T @ facing)[None]
    else:
        rest["global_orient"] = matrix_to_axis_angle(facing @ neck[1].T)[None]
        rest["neck_pose"] = frames.neck_pose[1:2]
    return summary(frames, Motion(**rest))


def summary(motion: Motion, neutral: Motion) -> Known:
    """What T frames that training saw tell, with one at rest."""
    values = {name: getattr(motion, name) for name in MOTION_NAMES} | {"head": motion.pose_features()[:, :3]}
    ends = torch.tensor([TAIL, 1 - TAIL])
    seen = {name: torch.quantile(value, ends, dim=0).T for name, value in values.items()}
    return Known(neutral, seen, _neck_turns(motion))


def _neck_turns(motion: Motion) -> bool:
    return bool((motion.neck_pose.amax(0) - motion.neck_pose.amin(0)).amax() > MOVES)


def _usual(whitening: Whitening) -> Tensor:
    """(3, D) lowest usual value, mean and highest usual value of each feature."""
    spread = torch.linalg.pinv(whitening.matrix).square().sum(0).sqrt() * DEVIATIONS
    return whitening.mean + torch.tensor([[-1.0], [0.0], [1.0]]) * spread
