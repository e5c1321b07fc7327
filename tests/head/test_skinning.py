import math

import pytest
import torch

from partnerface.conventions import FACING_CAMERA
from partnerface.head.skinning import HeadTensors, embed, head_tensors, pose_head
from tests.head.test_model import toy_head

QUARTER = math.pi / 2


def tensors() -> HeadTensors:
    return head_tensors(toy_head(), dtype=torch.float64)


def vector(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


REST = {"expression": vector(0, 0), "global_orient": vector(0, 0, 0)}


def test_at_rest_nothing_moves():
    head = tensors()
    posed = pose_head(head, None, **REST)
    assert torch.allclose(posed.vertices[0], head.template)
    assert torch.allclose(posed.bone_transforms[0], torch.eye(4, dtype=torch.float64).expand(5, 4, 4))


def test_joints_stand_where_the_regressor_puts_them():
    expected = [[0, 0, 0], [0, 1, 0], [0, 2, 0], [1, 2, 0], [-1, 2, 0]]
    assert torch.allclose(tensors().joints, torch.tensor(expected, dtype=torch.float64))


def test_the_jaw_turns_about_its_joint_alone():
    posed = pose_head(tensors(), None, **REST, jaw_pose=vector(QUARTER, 0, 0)).vertices[0]
    # The jaw's vertex stands one before the joint (0, 2, 0); a quarter turn about x takes z to -y.
    assert torch.allclose(posed[2], torch.tensor([0.0, 1, 0], dtype=torch.float64), atol=1e-12)
    still = [0, 1, 3, 4]
    assert torch.allclose(posed[still], tensors().template[still])


def test_a_positive_jaw_angle_opens_the_mouth():
    posed = pose_head(tensors(), None, **REST, jaw_pose=vector(0.3, 0, 0)).vertices[0]
    assert posed[2, 1] < tensors().template[2, 1]


def test_the_neck_carries_jaw_and_eyes():
    posed = pose_head(tensors(), None, **REST, neck_pose=vector(0, 0, QUARTER)).vertices[0]
    # About (0, 1, 0) and z: (x, y) goes to (-(y - 1), x + 1).
    expected = torch.tensor([[0.0, 0, 1], [0, 1, 1], [-1, 1, 1], [-1, 2, 1], [-1, 0, 1]], dtype=torch.float64)
    assert torch.allclose(posed[:5], expected, atol=1e-12)


def test_neck_and_jaw_compose_along_the_tree():
    posed = pose_head(
        tensors(), None, **REST, neck_pose=vector(0, 0, QUARTER), jaw_pose=vector(QUARTER, 0, 0)
    ).vertices[0]
    # First the jaw: (0, 1, 0). Then the neck takes it to (-(1 - 1), 0 + 1).
    assert torch.allclose(posed[2], torch.tensor([0.0, 1, 0], dtype=torch.float64), atol=1e-12)


def test_eyes_left_first():
    posed = pose_head(tensors(), None, **REST, eye_pose=vector(0, QUARTER, 0, 0, 0, 0)).vertices[0]
    # The left eye looks to the subject's left: its front goes from +z to +x.
    assert torch.allclose(posed[3], torch.tensor([2.0, 2, 0], dtype=torch.float64), atol=1e-12)
    assert torch.allclose(posed[4], tensors().template[4])


def test_global_turn_is_about_its_joint_and_translation_comes_last():
    posed = pose_head(tensors(), None, vector(0, 0), vector(*FACING_CAMERA), translation=vector(0.5, 0, 10)).vertices[0]
    assert torch.allclose(posed[2], torch.tensor([0.5, -2, 9], dtype=torch.float64), atol=1e-12)


def test_blendshapes_act_before_the_bones():
    posed = pose_head(tensors(), None, vector(2, 0), vector(0, 0, QUARTER), eyelids=vector(1, 0))
    assert torch.allclose(posed.vertices[0, 0], torch.tensor([0.0, 2, 1], dtype=torch.float64), atol=1e-12)
    assert torch.allclose(posed.offsets[0, 0], torch.tensor([2.0, 0, 0], dtype=torch.float64))
    assert torch.allclose(posed.offsets[0, 3], torch.tensor([0.0, -0.25, 0], dtype=torch.float64))


def test_shape_moves_the_joints_along():
    shape = torch.tensor([0.5], dtype=torch.float64)
    posed = pose_head(tensors(), shape, **REST, jaw_pose=vector(QUARTER, 0, 0))
    assert torch.allclose(posed.joints[2], torch.tensor([0.0, 3, 0], dtype=torch.float64))
    assert torch.allclose(posed.vertices[0, 2], torch.tensor([0.0, 2, 0], dtype=torch.float64), atol=1e-12)
    assert torch.allclose(posed.rest[2], torch.tensor([0.0, 3, 1], dtype=torch.float64))


def test_blended_weights_average_the_bones_motions():
    head = tensors()
    head.weights[2] = torch.tensor([0, 0.5, 0.5, 0, 0], dtype=torch.float64)
    posed = pose_head(head, None, **REST, jaw_pose=vector(QUARTER, 0, 0)).vertices[0]
    # Half way between (0, 2, 1), where the neck leaves it, and (0, 1, 0), where the jaw takes it.
    assert torch.allclose(posed[2], torch.tensor([0.0, 1.5, 0.5], dtype=torch.float64), atol=1e-12)


def test_pose_correctives_follow_the_rotation_matrices():
    model = toy_head()
    model.pose_basis[2, 1, 9 + 5] = 2.0  # element (1, 2) of the jaw's rotation: -sin
    posed = pose_head(head_tensors(model, dtype=torch.float64), None, **REST, jaw_pose=vector(0.4, 0, 0))
    assert torch.allclose(posed.offsets[0, 2, 1], torch.tensor(-2 * math.sin(0.4), dtype=torch.float64))


def test_vertices_are_the_bones_applied_to_rest_and_offset():
    generator = torch.Generator().manual_seed(0)
    frames = 4

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64) * 0.4

    head = tensors()
    posed = pose_head(
        head, random(1), random(frames, 2), random(frames, 3), random(frames, 3), random(frames, 3),
        random(frames, 6), random(frames, 2), random(frames, 3),
    )  # fmt: skip
    point = torch.cat([posed.rest + posed.offsets, torch.ones(frames, 10, 1, dtype=torch.float64)], -1)
    every = torch.einsum("tjab,tvb->tvja", posed.bone_transforms, point)
    assert torch.allclose(torch.einsum("vj,tvja->tva", head.weights, every)[..., :3], posed.vertices)


def test_a_subset_poses_as_within_the_whole():
    head, chosen = tensors(), torch.tensor([2, 4, 7])
    arguments = (torch.tensor([0.3], dtype=torch.float64), vector(0.1, 0.2), vector(0.1, 0.2, 0.3), vector(0, 0.1, 0))
    whole = pose_head(head, *arguments, jaw_pose=vector(0.2, 0, 0)).vertices
    part = pose_head(head.subset(chosen), *arguments, jaw_pose=vector(0.2, 0, 0)).vertices
    assert torch.allclose(whole[:, chosen], part)


@pytest.mark.parametrize("name", ["global_orient", "neck_pose", "jaw_pose"])
def test_gradients_are_right_at_rest(name: str):
    head = tensors()
    pose = {"global_orient": vector(0, 0, 0), name: vector(0, 0, 0).requires_grad_(True)}

    def run(value: torch.Tensor) -> torch.Tensor:
        return pose_head(head, None, vector(0, 0), **{**pose, name: value}).vertices

    assert torch.autograd.gradcheck(run, pose[name])


def test_embed_is_barycentric():
    vertices = tensors().template[None]
    there = embed(vertices, torch.tensor([[0, 1, 3]]), torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64))
    assert torch.allclose(there, torch.tensor([[[0.25, 0.75, 1.0]]], dtype=torch.float64))
