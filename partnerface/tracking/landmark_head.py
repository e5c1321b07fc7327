"""A head model reduced to its landmarks: nothing of the size of the mesh is touched during the fit.

A landmark is a barycentric blend of three skinned vertices, sum_k b_k sum_j w_kj B_j v_k. For each joint j the inner
sum over vertices, m_j = sum_k b_k w_kj v_k, is linear in all the blendshape codes, so it is formed once; the landmark
is then exactly sum_j B_j m_j, with no more work than skinning one point per landmark.
"""

import functools
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from partnerface.head.model import HeadModel

#: The joint that carries the head; every other joint's motion is written relative to it.
HEAD_JOINT = 1
TORSO = 0
#: Columns of the pose correctives: nine per joint 1..4.
POSE_FEATURES = {1: slice(0, 9), 2: slice(9, 18), 3: slice(18, 27), 4: slice(27, 36)}
_LEAST_WEIGHT = 1e-6


@dataclass
class JointPart:
    """What of the landmarks rides on one joint.

    Attributes:
        joint: index into conventions.JOINT_NAMES.
        index: (n,) landmarks with a weight on this joint.
        weight: (n,) their weights.
        template: (n, 3) weighted rest points, metres.
        basis: (n, 3, K) weighted bases; columns are eyelids, expression, shape.
        pose_basis: (n, 3, 36) weighted pose correctives, None when the model has none.
    """

    joint: int
    index: Tensor
    weight: Tensor
    template: Tensor
    basis: Tensor
    pose_basis: Tensor | None


@dataclass
class Stacked:
    """All parts' bases side by side.

    Attributes:
        joints: the J parts' joints.
        basis: (L, 3 J, K + 9 M) by a motion of each landmark in each part's own axes; columns are eyelids, expression,
            shape, and the pose correctives of the joints in `bent`.
        bent: M joints whose rotation bends the surface.
    """

    joints: list[int]
    basis: Tensor
    bent: list[int]


def turning_point(joint: int, joints: Tensor) -> Tensor:
    """The point a part turns about: what rides on the torso turns, as the head sees it, about the neck joint."""
    return joints[HEAD_JOINT if joint == TORSO else joint]


@dataclass
class LandmarkHead:
    """The landmarks of a head model as linear functions per joint.

    Attributes:
        parts: one per joint that moves a landmark; the head joint's part holds all of them.
        joints: (5, 3) rest joints of the template.
        joint_basis: (5, 3, S).
        rest: (L, 3) landmarks on the template.
        normals: (L, 3) outward unit normals there.
        anchor: (3,) the point of the head whose place stands for the head's translation during the fit.
        n_expression, n_shape: E and S.
    """

    parts: list[JointPart]
    joints: Tensor
    joint_basis: Tensor
    rest: Tensor
    normals: Tensor
    anchor: Tensor
    n_expression: int
    n_shape: int

    @property
    def count(self) -> int:
        """L."""
        return self.rest.shape[0]

    @functools.cached_property
    def stacked(self) -> Stacked:
        """The parts' bases as one, so that the derivatives of all landmarks are one product."""
        shape = self.parts[0].basis.shape[2] - self.n_shape
        joints = [part.joint for part in self.parts]
        head = joints.index(HEAD_JOINT)
        pose = [part.pose_basis for part in self.parts if part.pose_basis is not None]
        bent = [j for j, columns in POSE_FEATURES.items() if any(bool(basis[..., columns].any()) for basis in pose)]
        width = shape + self.n_shape + 9 * len(bent)
        basis = self.rest.new_zeros(self.count, len(joints), 3, width)
        for slot, part in enumerate(self.parts):
            basis[part.index, slot, :, : shape + self.n_shape] += part.basis
            if part.joint != HEAD_JOINT:
                # The point that a part turns about moves with the shape, and does not turn itself.
                centre = part.weight[:, None, None] * turning_point(part.joint, self.joint_basis)
                basis[part.index, slot, :, shape : shape + self.n_shape] -= centre
                basis[part.index, head, :, shape : shape + self.n_shape] += centre
            if part.pose_basis is not None:
                for k, joint in enumerate(bent):
                    at = shape + self.n_shape + 9 * k
                    basis[part.index, slot, :, at : at + 9] = part.pose_basis[..., POSE_FEATURES[joint]]
        return Stacked(joints, basis.reshape(self.count, 3 * len(joints), width), bent)

    def with_offsets(self, offsets: Tensor) -> "LandmarkHead":
        """The same with a static rest-space displacement (L, 3) of each landmark; the joints stay."""
        parts = [
            replace(part, template=part.template + part.weight[:, None] * offsets[part.index]) for part in self.parts
        ]
        return replace(self, parts=parts, rest=self.rest + offsets)

    def converted(self, dtype: torch.dtype) -> "LandmarkHead":
        """The same in another floating-point type."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        parts = []
        for part in self.parts:
            own = {item.name: getattr(part, item.name) for item in fields(part) if item.name != "index"}
            parts.append(replace(part, **{n: v.to(dtype) for n, v in own.items() if isinstance(v, Tensor)}))
        moved = {name: value.to(dtype) for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, parts=parts, **moved)


def landmark_head(
    model: HeadModel,
    dtype: torch.dtype = torch.float64,
    corners: np.ndarray | None = None,
    barycentric: np.ndarray | None = None,
) -> LandmarkHead:
    """Reduce `model` to its 478 MediaPipe landmarks, or to other points of its surface.

    Args:
        model: the head.
        dtype: of the tensors.
        corners, barycentric: (L, 3) vertex ids and weights of the points, in place of the landmarks'.
    """

    def tensor(array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype)

    corners = (model.mediapipe_faces if corners is None else corners).astype(np.int64)
    barycentric = (model.mediapipe_weights if barycentric is None else barycentric).astype(np.float64)
    stacked = np.concatenate([model.eyelid_basis, model.expression_basis, model.shape_basis], axis=2)[corners]
    template = model.template.astype(np.float64)[corners]
    pose = model.pose_basis[corners] if model.pose_basis.any() else None
    parts = []
    for joint in range(model.skinning_weights.shape[1]):
        weight = barycentric * model.skinning_weights[:, joint].astype(np.float64)[corners]
        total = weight.sum(1)
        index = np.arange(len(corners)) if joint == HEAD_JOINT else np.flatnonzero(total > _LEAST_WEIGHT)
        if len(index) == 0:
            continue
        chosen = weight[index]
        parts.append(
            JointPart(
                joint=joint,
                index=torch.as_tensor(index),
                weight=tensor(total[index]),
                template=tensor(np.einsum("nk,nkc->nc", chosen, template[index])),
                basis=tensor(np.einsum("nk,nkcs->ncs", chosen, stacked[index])),
                pose_basis=None if pose is None else tensor(np.einsum("nk,nkcs->ncs", chosen, pose[index])),
            )
        )
    regressor = model.joint_regressor.astype(np.float64)
    rest = np.einsum("nk,nkc->nc", barycentric, template)
    landmarks = np.einsum("nk,nkc->nc", model.mediapipe_weights, model.template[model.mediapipe_faces])
    edges = template[:, 1:] - template[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    # Embeddings list a triangle's corners in any order, so the side is settled by the middle of the head.
    outward = rest - (regressor @ model.template.astype(np.float64))[HEAD_JOINT]
    outward[:, 1] = 0
    normals *= np.where((normals * outward).sum(1, keepdims=True) < 0, -1.0, 1.0)
    return LandmarkHead(
        parts=parts,
        joints=tensor(regressor @ model.template.astype(np.float64)),
        joint_basis=tensor(np.einsum("jv,vcs->jcs", regressor, model.shape_basis.astype(np.float64))),
        rest=tensor(rest),
        normals=tensor(normals),
        anchor=tensor(landmarks.mean(0).astype(np.float64)),
        n_expression=model.n_expression,
        n_shape=model.n_shape,
    )
