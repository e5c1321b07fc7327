"""The unknowns of the fit: what each frame has of its own and what the clip shares."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.tracking.landmark_head import LandmarkHead

# Columns of one frame's block of unknowns; the expression fills the rest.
ROTATION, POSITION, JAW, LEFT_EYE, RIGHT_EYE, EYELIDS = (
    slice(0, 3),
    slice(3, 6),
    slice(6, 9),
    slice(9, 12),
    slice(12, 15),
    slice(15, 17),
)
POSE = slice(0, 6)
EXPRESSION_START = 17
EXPRESSION = slice(EXPRESSION_START, None)


@dataclass
class ClipState:
    """The unknowns of a clip of T frames.

    Place and size are kept in image terms, so that the focal length is free of them: a landmark at X, Y, Z metres from
    the head's anchor (camera axes) is seen at x = cx + (a + X) / (exp(k) + Z / f). With f → infinity this is the scaled
    orthographic camera, and the metric depth of the anchor is f exp(k).

    Attributes:
        rotation: (T, 3, 3) head axes → camera axes; the whole rotation of the head.
        position: (T, 3) a and b (metres, camera x and y of the anchor), k (log of metres per pixel at the anchor).
        jaw, left_eye, right_eye: (T, 3) axis-angle, radians.
        eyelids: (T, 2).
        expression: (T, E).
        torso: (T, 3, 3) what of the rotation is the torso's; held fixed.
        camera: (T,) which of the cameras took the frame.
        shape: (S,).
        log_focal: (C,) natural logarithm of each camera's focal length in pixels.
    """

    rotation: Tensor
    position: Tensor
    jaw: Tensor
    left_eye: Tensor
    right_eye: Tensor
    eyelids: Tensor
    expression: Tensor
    torso: Tensor
    camera: Tensor
    shape: Tensor
    log_focal: Tensor

    def __len__(self) -> int:
        return self.rotation.shape[0]

    @property
    def focal(self) -> Tensor:
        """(T,) pixels, of each frame's camera."""
        return self.log_focal.exp()[self.camera]

    @property
    def neck(self) -> Tensor:
        """(T, 3, 3) rotation of the head relative to the torso."""
        return self.torso.transpose(-1, -2) @ self.rotation

    def frames(self, index: Tensor | slice) -> "ClipState":
        """The state of some of the frames, the shared unknowns with them."""
        own = {item.name: getattr(self, item.name)[index] for item in fields(self) if item.name not in SHARED}
        return replace(self, **own)

    def converted(self, dtype: torch.dtype) -> "ClipState":
        """The state in another floating-point type."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "camera"}
        return replace(self, **{name: value.to(dtype) for name, value in values.items()})

    def moved(self, step: Tensor, shared: Tensor | None) -> "ClipState":
        """The state after a step: (T, P) per frame, (C + S,) log focal and shape or None to leave them."""
        return replace(
            self,
            rotation=self.rotation @ axis_angle_to_matrix(step[:, ROTATION]),
            position=self.position + step[:, POSITION],
            jaw=self.jaw + step[:, JAW],
            left_eye=self.left_eye + step[:, LEFT_EYE],
            right_eye=self.right_eye + step[:, RIGHT_EYE],
            eyelids=self.eyelids + step[:, EYELIDS],
            expression=self.expression + step[:, EXPRESSION],
            shape=self.shape if shared is None else self.shape + shared[len(self.log_focal) :],
            log_focal=self.log_focal if shared is None else self.log_focal + shared[: len(self.log_focal)],
        )

    def values(self) -> Tensor:
        """(T, P) the unknowns that have a rest value, zeros in the columns of rotation and position."""
        nothing = torch.zeros_like(self.position)
        return torch.cat(
            [nothing, nothing, self.jaw, self.left_eye, self.right_eye, self.eyelids, self.expression], dim=1
        )

    def differences(self) -> Tensor:
        """(T - 1, P) what changes from each frame to the next, the rotation as axis-angle in the head's axes."""
        values = self.values()
        values[:, POSITION] = self.position
        change = values[1:] - values[:-1]
        change[:, ROTATION] = matrix_to_axis_angle(self.rotation[:-1].transpose(-1, -2) @ self.rotation[1:])
        return change

    def parameters(self, head: LandmarkHead) -> dict[str, np.ndarray]:
        """The unknowns under FLAME's names (float32, as in tracking.npz); `translation` in metres, camera axes."""
        joints = head.joints + head.joint_basis @ self.shape
        anchor = torch.cat([self.position[:, :2], self.focal[:, None] * self.position[:, 2:].exp()], dim=1)
        root, neck = joints[0], joints[1]
        translation = anchor - self.rotation @ (head.anchor - neck) - self.torso @ (neck - root) - root
        facing = torch.tensor(FACING_CAMERA, dtype=self.rotation.dtype)
        arrays = {
            "shape": self.shape,
            "expression": self.expression,
            "global_orient": matrix_to_axis_angle(self.torso, near=facing),
            "neck_pose": matrix_to_axis_angle(self.neck),
            "jaw_pose": self.jaw,
            "eye_pose": torch.cat([self.left_eye, self.right_eye], dim=1),
            "eyelids": self.eyelids,
            "translation": translation,
            "focal": self.focal,
        }
        return {name: value.detach().cpu().numpy().astype(np.float32) for name, value in arrays.items()}


SHARED = ("shape", "log_focal")


def joined(states: list[ClipState]) -> ClipState:
    """States of stretches, one after the other; they share shape and focal length."""
    names = [item.name for item in fields(ClipState) if item.name not in SHARED]
    return replace(states[0], **{name: torch.cat([getattr(state, name) for state in states]) for name in names})


def posed_between(state: ClipState, first: ClipState, second: ClipState, share: float) -> ClipState:
    """`state` with the head posed between two others: at 0 as the first has it, at 1 as the second.

    The size at which the head is seen is part of its place; the focal length is that of `state`.
    """
    turn = matrix_to_axis_angle(first.rotation.transpose(-1, -2) @ second.rotation)
    rotation = first.rotation @ axis_angle_to_matrix(share * turn)
    return replace(state, rotation=rotation, position=first.position + share * (second.position - first.position))


def neutral_state(
    rotation: Tensor,
    position: Tensor,
    torso: Tensor,
    head: LandmarkHead,
    log_focal: Tensor,
    camera: Tensor | None = None,
) -> ClipState:
    """A state at rest in the given poses; without `camera` all frames are the first one's."""
    count = rotation.shape[0]

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(*shape, dtype=rotation.dtype)

    return ClipState(
        rotation=rotation,
        position=position,
        jaw=zeros(count, 3),
        left_eye=zeros(count, 3),
        right_eye=zeros(count, 3),
        eyelids=zeros(count, 2),
        expression=zeros(count, head.n_expression),
        torso=torso,
        shape=zeros(head.n_shape),
        log_focal=log_focal.to(rotation.dtype),
        camera=torch.zeros(count, dtype=torch.long) if camera is None else camera,
    )
