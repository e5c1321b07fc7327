"""What is known of a subject: a neutral pose, and how far training saw each thing move."""

from dataclasses import dataclass

import torch
from torch import Tensor

from partnerface.avatar.motion import Motion
from partnerface.conventions import MOTION_NAMES

#: What a slider shows as seen in training leaves out so much at both ends: single frames that were tracked badly.
TAIL = 0.01
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


def summary(motion: Motion, neutral: Motion) -> Known:
    """What T frames that training saw tell, with one at rest."""
    values = {name: getattr(motion, name) for name in MOTION_NAMES} | {"head": motion.pose_features()[:, :3]}
    ends = torch.tensor([TAIL, 1 - TAIL])
    seen = {name: torch.quantile(value, ends, dim=0).T for name, value in values.items()}
    return Known(neutral, seen, _neck_turns(motion))


def _neck_turns(motion: Motion) -> bool:
    return bool((motion.neck_pose.amax(0) - motion.neck_pose.amin(0)).amax() > MOVES)
