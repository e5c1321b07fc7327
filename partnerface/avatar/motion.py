"""The motion of a head over frames, and the low-dimensional code that conditions the deformation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from partnerface.conventions import FACING_CAMERA, MOTION_NAMES
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.skinning import HeadTensors, PosedHead, pose_head

#: What moves the face within the head's rigid frame, in the order of `Motion.face_features`.
FACE_NAMES: tuple[str, ...] = ("expression", "jaw_pose", "eyelids", "eye_pose", "neck_pose")


@dataclass
class Motion:
    """Parameters of T frames, FLAME's names: expression (T, E), global_orient, neck_pose, jaw_pose, translation (T, 3),
    eye_pose (T, 6), eyelids (T, 2)."""

    expression: Tensor
    global_orient: Tensor
    neck_pose: Tensor
    jaw_pose: Tensor
    eye_pose: Tensor
    eyelids: Tensor
    translation: Tensor

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Motion":
        """From tracking.npz or dataset.npz."""
        return cls(*(torch.as_tensor(np.asarray(arrays[name]), dtype=torch.float32) for name in MOTION_NAMES))

    def __len__(self) -> int:
        return len(self.expression)

    def take(self, index: Tensor | list[int]) -> "Motion":
        """The frames with these positions."""
        return Motion(*(getattr(self, name)[index] for name in MOTION_NAMES))

    def pose(self, head: HeadTensors, shape: Tensor) -> PosedHead:
        """Pose the head in all frames."""
        return pose_head(head, shape, **{name: getattr(self, name) for name in MOTION_NAMES})

    def face_features(self) -> Tensor:
        """(T, E + 3 + 2 + 6 + 3): what moves the face within the head's rigid frame."""
        return torch.cat([getattr(self, name) for name in FACE_NAMES], dim=1)

    @classmethod
    def still(cls, features: Tensor, like: "Motion") -> "Motion":
        """A head that stands still and moves its face by features (T, D) of `face_features`, of the sizes of `like`."""
        sizes = [getattr(like, name).shape[1] for name in FACE_NAMES]
        expression, jaw, eyelids, eyes, neck = features.split(sizes, dim=1)
        facing = torch.tensor(FACING_CAMERA).expand(len(features), 3)
        return cls(expression, facing, neck, jaw, eyes, eyelids, torch.zeros(len(features), 3))

    def pose_features(self) -> Tensor:
        """(T, 6): rotation vector of the head away from facing the camera, radians, and translation, metres."""
        rotation = axis_angle_to_matrix(self.global_orient) @ axis_angle_to_matrix(self.neck_pose)
        facing = axis_angle_to_matrix(torch.tensor(FACING_CAMERA))
        return torch.cat([matrix_to_axis_angle(rotation @ facing.T), self.translation], dim=1)


@dataclass
class Whitening:
    """z = (features - mean) @ matrix: principal components of the training frames, each over its deviation."""

    mean: Tensor
    matrix: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Codes (T, C) of features (T, D), clamped to four standard deviations: nothing was learned beyond."""
        return ((features - self.mean) @ self.matrix).clamp(-4, 4)

    @classmethod
    def fit(cls, features: Tensor, size: int, share: float = 0.997, ridge: float = 0.0) -> "Whitening":
        """Keep the components that carry `share` of the variance, at most `size`.

        Args:
            features: (T, D) of the training frames.
            ridge: of the first component's variance so much is added to that of each, before it is divided by its
                root: weak components, in which there is much noise, are lifted in part only. With 0 all codes have unit
                variance.
        """
        mean = features.mean(0)
        centred = (features - mean).double()
        _, values, vectors = torch.linalg.svd(centred, full_matrices=False)
        variance = values**2
        kept = int((torch.cumsum(variance, 0) < share * variance.sum()).sum()) + 1
        kept = max(1, min(kept, size, int((values > 1e-6 * values[0].clamp(min=1e-12)).sum())))
        vectors = vectors[:kept]
        # The sign of a singular vector is arbitrary; fix it, so that a code means the same on every machine.
        sign = torch.sign(vectors.gather(1, vectors.abs().argmax(1, keepdim=True)))
        deviation = (values[:kept] / max(len(features) - 1, 1) ** 0.5).clamp(min=1e-9)
        deviation = (deviation.square() + ridge * deviation[0].square()).sqrt()
        return cls(mean, (vectors * sign / deviation[:, None]).T.float())
