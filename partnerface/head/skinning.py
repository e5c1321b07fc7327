"""Posing a head: blendshapes, then linear blend skinning along the joint tree, batched over frames and differentiable.

Written from the equations of the FLAME paper (Li et al. 2017, section 3) and of SMPL, from which it takes them:
T(shape, pose, expression) = template + B_shape + B_pose + B_expression; joints are regressed from the shaped template;
the vertices are blended with weights w_j of the joints' rigid motions from rest to pose.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from partnerface.conventions import JOINT_PARENTS
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.head.model import HeadModel


@dataclass
class HeadTensors:
    """What posing needs of a HeadModel, as tensors. `joints` and `joint_basis` are the regressor already applied, so
    that a subset of the vertices poses exactly as it does within the whole head."""

    template: Tensor  # (V, 3)
    shape_basis: Tensor  # (V, 3, S)
    expression_basis: Tensor  # (V, 3, E)
    eyelid_basis: Tensor  # (V, 3, 2)
    pose_basis: Tensor | None  # (V, 3, 36), None when all zero
    weights: Tensor  # (V, 5)
    joints: Tensor  # (5, 3)
    joint_basis: Tensor  # (5, 3, S)

    def subset(self, vertices: Tensor) -> "HeadTensors":
        """Only the vertices with these indices (n,): fitting landmarks need not pose the whole head."""
        names = ("template", "shape_basis", "expression_basis", "eyelid_basis", "pose_basis", "weights")
        arrays = {name: getattr(self, name) for name in names}
        return replace(self, **{name: value if value is None else value[vertices] for name, value in arrays.items()})


@dataclass
class PosedHead:
    """A head in T frames.

    Attributes:
        vertices: (T, V, 3) camera space, metres.
        bone_transforms: (T, 5, 4, 4) rigid motions of the joints, rest space → posed, translation included.
        offsets: (T, V, 3) rest-space displacement by expression, lids and pose correctives.
        rest: (V, 3) template + shape.
        joints: (5, 3) rest joints of this shape.
    """

    vertices: Tensor
    bone_transforms: Tensor
    offsets: Tensor
    rest: Tensor
    joints: Tensor


def head_tensors(
    model: HeadModel, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> HeadTensors:
    """The tensors of `model` on a device, by default torch's."""

    def tensor(array) -> Tensor:
        # A copy: the built-in head's arrays are read-only.
        return torch.tensor(array, dtype=dtype, device=device)

    regressor = torch.tensor(model.joint_regressor, dtype=torch.float64)
    joints = regressor @ torch.tensor(model.template, dtype=torch.float64)
    joint_basis = torch.einsum("jv,vcs->jcs", regressor, torch.tensor(model.shape_basis, dtype=torch.float64))
    return HeadTensors(
        template=tensor(model.template),
        shape_basis=tensor(model.shape_basis),
        expression_basis=tensor(model.expression_basis),
        eyelid_basis=tensor(model.eyelid_basis),
        pose_basis=tensor(model.pose_basis) if model.pose_basis.any() else None,
        weights=tensor(model.skinning_weights),
        joints=joints.to(device, dtype),
        joint_basis=joint_basis.to(device, dtype),
    )


def bone_transforms(rotations: Tensor, joints: Tensor) -> Tensor:
    """Rigid motions rest → posed of each joint: the product along the tree of rotations about the joints' rest places.

    Args:
        rotations: (T, 5, 3, 3) of each joint relative to its parent.
        joints: (5, 3) rest places.

    Returns:
        (T, 5, 4, 4); applied to a rest point fixed to joint j they give its posed place, up to the global translation.
    """
    count = rotations.shape[0]
    moves = joints.expand(count, -1, -1) - (rotations @ joints[..., None])[..., 0]
    bottom = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=rotations.dtype, device=rotations.device)
    local = torch.cat([rotations, moves[..., None]], -1)
    local = torch.cat([local, bottom.expand(*local.shape[:2], 1, 4)], -2)
    chain: list[Tensor] = []
    for joint, parent in enumerate(JOINT_PARENTS):
        chain.append(local[:, joint] if parent < 0 else chain[parent] @ local[:, joint])
    return torch.stack(chain, 1)


def pose_head(
    head: HeadTensors,
    shape: Tensor | None,
    expression: Tensor,
    global_orient: Tensor,
    neck_pose: Tensor | None = None,
    jaw_pose: Tensor | None = None,
    eye_pose: Tensor | None = None,
    eyelids: Tensor | None = None,
    translation: Tensor | None = None,
) -> PosedHead:
    """Pose a head in T frames.

    Args:
        head: from `head_tensors`.
        shape: (S,), None for the template's.
        expression: (T, E).
        global_orient, neck_pose, jaw_pose: (T, 3) axis-angle, radians. None is rest.
        eye_pose: (T, 6), left eye first. None is rest.
        eyelids: (T, 2), left first, 1 closed. None is open.
        translation: (T, 3) metres, added last. None is zero.

    Returns:
        The posed head; `vertices` are in the space that `global_orient` and `translation` lead to (camera space).
    """
    count = global_orient.shape[0]
    zeros = torch.zeros(count, 3, dtype=head.template.dtype, device=head.template.device)
    neck = zeros if neck_pose is None else neck_pose
    jaw = zeros if jaw_pose is None else jaw_pose
    eyes = zeros.repeat(1, 2) if eye_pose is None else eye_pose
    rest, joints = head.template, head.joints
    if shape is not None:
        rest = rest + head.shape_basis @ shape
        joints = joints + head.joint_basis @ shape
    rotations = axis_angle_to_matrix(torch.stack([global_orient, neck, jaw, eyes[:, :3], eyes[:, 3:]], 1))

    basis, codes = [head.expression_basis], [expression]
    if eyelids is not None:
        basis.append(head.eyelid_basis)
        codes.append(eyelids)
    if head.pose_basis is not None:
        basis.append(head.pose_basis)
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        codes.append((rotations[:, 1:] - identity).reshape(count, -1))
    stacked = torch.cat(basis, -1)
    vertices = stacked.shape[0]
    offsets = (torch.cat(codes, -1) @ stacked.reshape(vertices * 3, -1).T).reshape(count, vertices, 3)

    bones = bone_transforms(rotations, joints)
    if translation is not None:
        shift = torch.zeros_like(bones)
        shift[:, :, :3, 3] = translation[:, None]
        bones = bones + shift
    blended = (head.weights @ bones.reshape(count, 5, 16)).reshape(count, vertices, 4, 4)[:, :, :3]
    posed = (blended[..., :3] @ (rest + offsets)[..., None])[..., 0] + blended[..., 3]
    return PosedHead(posed, bones, offsets, rest, joints)


def embed(vertices: Tensor, triangles: Tensor, weights: Tensor) -> Tensor:
    """Points on the surface: (..., V, 3) vertices, (L, 3) vertex ids, (L, 3) barycentric weights → (..., L, 3)."""
    return (vertices[..., triangles.long(), :] * weights[..., None]).sum(-2)
