import math

import pytest
import torch

from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, skew


def random_vectors(count: int, longest: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    axis = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    length = torch.rand(count, 1, generator=generator, dtype=torch.float64) * longest
    return axis / axis.norm(dim=1, keepdim=True) * length


def test_quarter_turn_about_z_takes_x_to_y():
    matrix = axis_angle_to_matrix(torch.tensor([0.0, 0.0, math.pi / 2]))
    assert torch.allclose(matrix @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]), atol=1e-6)


def test_facing_the_camera_turns_y_and_z_over():
    matrix = axis_angle_to_matrix(torch.tensor([math.pi, 0, 0], dtype=torch.float64))
    assert torch.allclose(matrix, torch.diag(torch.tensor([1.0, -1, -1], dtype=torch.float64)), atol=1e-12)


def test_matrices_are_rotations():
    matrix = axis_angle_to_matrix(random_vectors(50, 6.0))
    assert torch.allclose(matrix @ matrix.mT, torch.eye(3, dtype=torch.float64).expand(50, 3, 3), atol=1e-12)
    assert torch.allclose(torch.linalg.det(matrix), torch.ones(50, dtype=torch.float64))


@pytest.mark.parametrize("longest", [1e-9, 1e-4, 1.0, 3.1415])
def test_round_trip(longest: float):
    vectors = random_vectors(200, longest)
    assert torch.allclose(matrix_to_axis_angle(axis_angle_to_matrix(vectors)), vectors, atol=1e-7, rtol=1e-7)


@pytest.mark.parametrize("axis", [(1.0, 0, 0), (0, 1.0, 0), (0, 0, -1.0), (0.6, 0.0, 0.8)])
def test_half_turns_come_back_up_to_sign(axis: tuple[float, ...]):
    vector = torch.tensor(axis, dtype=torch.float64) * math.pi
    back = matrix_to_axis_angle(axis_angle_to_matrix(vector))
    assert torch.allclose(back.abs(), vector.abs(), atol=1e-6)


def test_near_keeps_a_turning_head_continuous():
    facing = torch.tensor([math.pi, 0, 0], dtype=torch.float64)
    steps = torch.linspace(-0.3, 0.3, 13, dtype=torch.float64)
    turn = axis_angle_to_matrix(torch.stack([steps, 0 * steps, 0 * steps], 1)) @ axis_angle_to_matrix(facing)
    vectors = matrix_to_axis_angle(turn, near=facing)
    assert torch.allclose(vectors[:, 0], math.pi + steps, atol=1e-7)


@pytest.mark.parametrize("length", [0.0, 1e-8, 5e-4, 2e-3, 1.0])
def test_gradient_of_the_matrix(length: float):
    vector = (torch.tensor([[0.3, -0.5, 0.8]], dtype=torch.float64) * length).requires_grad_(True)
    assert torch.autograd.gradcheck(axis_angle_to_matrix, vector)


def test_gradient_at_rest_is_the_generators():
    vector = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(axis_angle_to_matrix, vector)
    assert torch.allclose(jacobian.permute(2, 0, 1), skew(torch.eye(3, dtype=torch.float64)))


def test_gradient_of_the_inverse_is_finite_at_rest():
    matrix = torch.eye(3, dtype=torch.float64, requires_grad=True)
    matrix_to_axis_angle(matrix).sum().backward()
    assert matrix.grad is not None
    assert torch.isfinite(matrix.grad).all()
