"""What an avatar's file tells of its subject: a neutral pose, and how far training saw each thing move."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion, Whitening
from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

#: Training is taken to have seen so many standard deviations to both sides of the mean.
DEVIATIONS = 2.5
#: The neck turned the head in training if it moved more than this, radians.
MOVES = 0.01


@dataclass
class Known:
    """What is known of a subject.

    Attributes:
        neutral: one frame: a face at rest that looks into the camera.
        seen: by FLAME's names, and `head` for the rotation vector of the head away from facing the camera: lowest and
            highest value (D, 2) that training saw, radians where they are angles.
        neck_turns: whether the tracker turned the head by its neck, or by `global_orient`.
    """

    neutral: Motion
    seen: dict[str, Tensor]
    neck_turns: bool


def known(avatar: Avatar, facts: dict[str, Any]) -> Known:
    """What the file of an avatar tells.

    The file holds mean and principal components of the training frames' motion, from which spread and range follow:
    features = mean + z pinv(matrix), z of unit variance.

    Args:
        avatar: the avatar.
        facts: of its header.
    """
    del facts  # Files know no neutral frame and no ranges of their own yet; where they do, they are read here.
    widths = {"expression": avatar.surface.head.expression_basis.shape[2], "jaw_pose": 3, "eyelids": 2, "eye_pose": 6}
    widths["neck_pose"] = 3
    seen = dict(zip(widths, _range(avatar.expression).split(list(widths.values())), strict=True))
    pose = _range(avatar.pose)
    seen["head"], seen["translation"] = pose[:3], pose[3:]
    middle = {name: values.mean(1) for name, values in seen.items()}
    neck_turns = bool((seen["neck_pose"][:, 1] - middle["neck_pose"]).amax() > DEVIATIONS * MOVES)
    facing, neck = axis_angle_to_matrix(torch.tensor(FACING_CAMERA)), axis_angle_to_matrix(middle["neck_pose"])
    orient = facing @ neck.T
    if neck_turns:
        # The torso stays as it stood on the mean, and the neck turns the head to the camera.
        orient = axis_angle_to_matrix(middle["head"]) @ orient
        neck = orient.T @ facing
    neutral = Motion(
        expression=torch.zeros(1, widths["expression"]),
        global_orient=matrix_to_axis_angle(orient)[None],
        neck_pose=matrix_to_axis_angle(neck)[None],
        jaw_pose=torch.zeros(1, 3),
        eye_pose=torch.zeros(1, 6),
        eyelids=torch.zeros(1, 2),
        translation=middle["translation"][None],
    )
    return Known(neutral, seen, neck_turns)


def _range(whitening: Whitening) -> Tensor:
    """(D, 2) lowest and highest value of each feature that training saw."""
    spread = torch.linalg.pinv(whitening.matrix).square().sum(0).sqrt() * DEVIATIONS
    return torch.stack([whitening.mean - spread, whitening.mean + spread], dim=1)
