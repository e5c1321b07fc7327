"""Our skinning of FLAME's layout against FLAME's equations, written out anew and by hand."""

from pathlib import Path

import numpy as np
import torch

from partnerface.head.flame.layout import read_flame
from partnerface.head.model import HeadModel
from partnerface.head.skinning import head_tensors, pose_head
from tests.head.flame.shaped import dump
from tests.head.test_model import toy_head


def rotation(axis_angle: np.ndarray) -> np.ndarray:
    """Rodrigues: I + sin(a) K + (1 - cos(a)) K^2."""
    angle = float(np.linalg.norm(axis_angle))
    if angle == 0:
        return np.eye(3)
    x, y, z = axis_angle / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def flame(held: dict, shape: np.ndarray, expression: np.ndarray, pose: np.ndarray, translation: np.ndarray):
    """FLAME's equations (Li et al. 2017, 1 to 5, after SMPL), vertex by vertex: pose (5, 3), global rotation first."""
    betas = np.zeros(held["shapedirs"].shape[2])
    betas[: len(shape)], betas[300 : 300 + len(expression)] = shape, expression
    # The joints are regressed from the head with its shape; expression moves no joint of ours, see below.
    shaped = held["v_template"] + held["shapedirs"][..., : len(shape)] @ shape
    joints = held["J_regressor"] @ shaped
    turns = [rotation(item) for item in pose]
    features = np.concatenate([(turn - np.eye(3)).ravel() for turn in turns[1:]])
    rest = held["v_template"] + held["shapedirs"] @ betas + held["posedirs"] @ features
    worlds: list[np.ndarray] = []
    for joint, parent in enumerate((-1, 0, 1, 1, 1)):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        worlds.append(local if parent < 0 else worlds[parent] @ local)
    out = np.zeros_like(rest)
    for vertex, place in enumerate(rest):
        for joint, world in enumerate(worlds):
            moved = world[:3, :3] @ (place - joints[joint]) + world[:3, 3]
            out[vertex] += held["weights"][vertex, joint] * moved
    return out + translation


def as_model(path: Path, n_shape: int, n_expression: int) -> HeadModel:
    arrays = read_flame(path)
    marks = np.zeros((478, 3), np.int32)
    first = np.tile(np.array([1, 0, 0], np.float32), (478, 1))
    return HeadModel(
        name="flame", template=arrays.template, shape_basis=arrays.shape_basis[..., :n_shape],
        expression_basis=arrays.expression_basis[..., :n_expression],
        eyelid_basis=np.zeros((*arrays.template.shape, 2)), pose_basis=arrays.pose_basis,
        joint_regressor=arrays.joint_regressor, skinning_weights=arrays.weights, faces=arrays.faces,
        regions=np.ones(len(arrays.template), np.uint8), mediapipe_faces=marks, mediapipe_weights=first,
        landmark68_faces=marks[:68], landmark68_weights=first[:68],
        shape_names=tuple(map(str, range(n_shape))), expression_names=tuple(map(str, range(n_expression))),
    )  # fmt: skip


def test_a_file_is_posed_by_flames_equations(small: dict, tmp_path: Path):
    model = as_model(dump(small, tmp_path / "a.pkl", chumpy=True), 30, 20)
    rng = np.random.default_rng(7)
    shape, expression, translation = rng.normal(size=30), rng.normal(size=20), np.array([0.1, -0.2, 0.7])
    pose = rng.normal(size=(5, 3)) * 0.5

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=torch.float64)

    posed = pose_head(
        head_tensors(model, dtype=torch.float64), tensor(shape), tensor(expression[None]), tensor(pose[None, 0]),
        tensor(pose[None, 1]), tensor(pose[None, 2]), tensor(pose[None, 3:].reshape(1, 6)), None,
        tensor(translation[None]),
    )  # fmt: skip
    truth = flame(small, shape, expression, pose, translation)
    assert np.abs(posed.vertices[0].numpy() - truth).max() < 1e-9
    assert np.abs(truth - small["v_template"]).max() > 0.1


def test_pose_features_by_hand():
    """The jaw turns by a right angle about x: R - I = [[0, 0, 0], [0, -1, -1], [0, 1, -1]], features 9 to 17."""
    model = toy_head()
    model.pose_basis = np.zeros((10, 3, 36), np.float32)
    model.pose_basis[0, 0, 9:18] = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    # 8·0 + 16·(-1) + 32·(-1) + 128·1 + 256·(-1) = -176, on a vertex that rides on the first joint alone.
    jaw = torch.tensor([[np.pi / 2, 0, 0]], dtype=torch.float32)
    posed = pose_head(head_tensors(model), None, torch.zeros(1, 2), torch.zeros(1, 3), jaw_pose=jaw)
    assert np.allclose(posed.offsets[0, 0], [-176, 0, 0], atol=1e-3)
    assert np.allclose(posed.vertices[0, 0], model.template[0] + [-176, 0, 0], atol=1e-3)


def test_the_chain_of_joints_by_hand():
    """Joints: neck (0, 1, 0), jaw (0, 2, 0). The neck's right angle about z takes what is above it to its left."""
    neck = torch.tensor([[0, 0, np.pi / 2]], dtype=torch.float32)
    jaw = torch.tensor([[np.pi / 2, 0, 0]], dtype=torch.float32)
    posed = pose_head(head_tensors(toy_head()), None, torch.zeros(1, 2), torch.zeros(1, 3), neck, jaw)
    # The jaw's vertex is (0, 2, 1): about the jaw joint its (0, 0, 1) becomes (0, -1, 0), so (0, 1, 0), which is the
    # neck joint itself, where it stays.
    assert np.allclose(posed.vertices[0, 2], [0, 1, 0], atol=1e-6)
    # The left eye's (1, 2, 1) turns about the neck joint: (1, 1, 1) → (-1, 1, 1), so (-1, 2, 1).
    assert np.allclose(posed.vertices[0, 3], [-1, 2, 1], atol=1e-6)


def test_joints_follow_shape_and_not_expression():
    """Stretched by 1 of `height` the neck joint lies at y = 2; an expression that moves its vertices leaves it."""
    model = toy_head()
    neck = torch.tensor([[0, 0, np.pi / 2]], dtype=torch.float32)
    tensors = head_tensors(model)
    posed = pose_head(tensors, torch.ones(1), torch.zeros(1, 2), torch.zeros(1, 3), neck)
    assert np.allclose(posed.joints[1], [0, 2, 0])
    posed = pose_head(tensors, None, torch.tensor([[0.0, 1.0]]), torch.zeros(1, 3), neck)
    assert np.allclose(posed.joints[1], [0, 1, 0])
