"""Compositing against hand-worked numbers, a loop and numerical gradients."""

import math

import pytest
import torch

from partnerface.kernels.composite import composite_weights, ray_spread, ray_sums
from partnerface.kernels.reference import composite as reference


def test_hand_worked_ray(form):
    # Opacities 1/2 and 1/2: the first sample takes a half, the second half of what is left.
    density = torch.full((2,), math.log(2.0))
    weights = composite_weights(density, torch.ones(2), torch.zeros(2, dtype=torch.int64))
    assert weights.tolist() == pytest.approx([0.5, 0.25])


def test_rays_do_not_see_each_other(form):
    density = torch.tensor([1e6, 3.0, 0.0, 5.0])
    ray = torch.tensor([0, 0, 2, 2])
    weights = composite_weights(density, torch.ones(4), ray)
    assert weights.tolist() == pytest.approx([1.0, 0.0, 0.0, 1 - math.exp(-5)], abs=1e-6)
    assert ray_sums(weights, ray, 4).tolist() == pytest.approx([1.0, 0.0, 1 - math.exp(-5), 0.0], abs=1e-6)


def test_thousands_of_rays_keep_their_precision(form):
    rays, samples = 4000, 12
    generator = torch.Generator().manual_seed(0)
    density = torch.rand(rays * samples, generator=generator) * 400
    ray = torch.arange(rays).repeat_interleave(samples)
    length = torch.full_like(density, 0.004)
    depth = (density * length).view(rays, samples).double()
    before = torch.cumsum(depth, 1) - depth
    expected = (torch.exp(-before) * (1 - torch.exp(-depth))).view(-1).float()
    torch.testing.assert_close(composite_weights(density, length, ray), expected, rtol=1e-5, atol=1e-7)


def test_gradient_is_the_numerical_one():
    density = torch.rand(7, dtype=torch.float64, requires_grad=True)
    ray = torch.tensor([0, 0, 0, 1, 3, 3, 3])
    length = torch.rand(7, dtype=torch.float64) + 0.1
    assert torch.autograd.gradcheck(lambda d: reference.composite_weights(d, length, ray), (density,))


def test_sums_and_their_opposite(form):
    ray = torch.tensor([0, 0, 2])
    values = torch.tensor([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]], requires_grad=True)
    sums = ray_sums(values, ray, 3)
    assert sums.tolist() == [[3.0, 30.0], [0.0, 0.0], [4.0, 40.0]]
    # Each sample has its ray's gradient, and each ray the sum of its samples'.
    (slope,) = torch.autograd.grad(sums, values, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert slope.tolist() == [[1.0, 2.0], [1.0, 2.0], [5.0, 6.0]]
    whole = torch.tensor([7.0, 8.0, 9.0], requires_grad=True)
    spread = ray_spread(whole, ray)
    assert spread.tolist() == [7.0, 7.0, 9.0]
    (slope,) = torch.autograd.grad(spread, whole, torch.tensor([1.0, 2.0, 4.0]))
    assert slope.tolist() == [3.0, 0.0, 4.0]


def test_sums_slope_is_the_numerical_one():
    ray = torch.tensor([0, 0, 2])
    values = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: reference.ray_sums(v, ray, 3), (values,))
    assert torch.autograd.gradcheck(lambda v: reference.ray_spread(v, ray), (values,))


def test_no_samples(form):
    empty = torch.zeros(0)
    assert composite_weights(empty, empty, torch.zeros(0, dtype=torch.int64)).shape == (0,)
    assert ray_sums(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), 5).tolist() == [[0.0] * 3] * 5
