"""The part mixture against separate MLPs and numerical gradients."""

import itertools

import torch
from torch import nn

from partnerface.kernels.reference.part_mixture import part_mixture


def make(parts, sizes, generator):
    return [
        (
            torch.randn(parts, a, b, generator=generator, dtype=torch.float64),
            torch.randn(parts, b, generator=generator, dtype=torch.float64),
        )
        for a, b in itertools.pairwise(sizes)
    ]


def test_equals_separate_networks():
    generator = torch.Generator().manual_seed(0)
    layers = make(3, [5, 4, 4, 2], generator)
    x = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    weights = torch.softmax(torch.randn(7, 3, generator=generator, dtype=torch.float64), 1)
    expected = torch.zeros(7, 2, dtype=torch.float64)
    for part in range(3):
        network = nn.Sequential()
        for i, (weight, bias) in enumerate(layers):
            linear = nn.Linear(weight.shape[1], weight.shape[2]).double()
            linear.weight.data, linear.bias.data = weight[part].T, bias[part]
            network.extend([linear, nn.ReLU()] if i < 2 else [linear])
        expected += weights[:, part : part + 1] * network(x)
    torch.testing.assert_close(part_mixture(x, weights, layers), expected)


def test_one_hot_weights_select_one_part():
    generator = torch.Generator().manual_seed(1)
    layers = make(4, [3, 2], generator)
    x = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    out = part_mixture(x, torch.eye(4, dtype=torch.float64), layers)
    for part in range(4):
        torch.testing.assert_close(out[part], x[part] @ layers[0][0][part] + layers[0][1][part])


def test_gradients_are_the_numerical_ones():
    generator = torch.Generator().manual_seed(2)
    layers = make(2, [3, 4, 2], generator)
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.rand(5, 2, generator=generator, dtype=torch.float64).requires_grad_()
    flat = [t.requires_grad_() for pair in layers for t in pair]
    assert torch.autograd.gradcheck(lambda a, b, *_: part_mixture(a, b, layers), (x, weights, *flat))
