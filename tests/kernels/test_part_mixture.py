"""The part mixture against separate MLPs and numerical gradients."""

import itertools

import pytest
import torch
from torch import nn

from partnerface.kernels.part_mixture import mlp, part_mixture
from partnerface.kernels.reference import part_mixture as reference


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
    torch.testing.assert_close(reference.part_mixture(x, weights, layers), expected)


def test_one_hot_weights_select_one_part():
    generator = torch.Generator().manual_seed(1)
    layers = make(4, [3, 2], generator)
    x = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    out = reference.part_mixture(x, torch.eye(4, dtype=torch.float64), layers)
    for part in range(4):
        torch.testing.assert_close(out[part], x[part] @ layers[0][0][part] + layers[0][1][part])


def test_gradients_are_the_numerical_ones():
    generator = torch.Generator().manual_seed(2)
    layers = make(2, [3, 4, 2], generator)
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.rand(5, 2, generator=generator, dtype=torch.float64).requires_grad_()
    flat = [t.requires_grad_() for pair in layers for t in pair]
    assert torch.autograd.gradcheck(lambda a, b, *_: reference.part_mixture(a, b, layers), (x, weights, *flat))


def test_hand_worked_mixture(form):
    # Part 0 doubles what is positive of x, part 1 answers 5 - x: at x = 3 they say 6 and 2.
    layers = [
        (torch.tensor([[[1.0]], [[-1.0]]]), torch.tensor([[0.0], [5.0]])),
        (torch.tensor([[[2.0]], [[1.0]]]), torch.zeros(2, 1)),
    ]
    x = torch.tensor([[3.0], [-1.0]], requires_grad=True)
    weights = torch.tensor([[0.25, 0.75], [0.5, 0.5]], requires_grad=True)
    out = part_mixture(x, weights, layers)
    # At x = -1 part 0 is silent and part 1 says 6.
    assert out[:, 0].tolist() == pytest.approx([0.25 * 6 + 0.75 * 2, 0.5 * 6])
    slope, of_weights = torch.autograd.grad(out.sum(), (x, weights))
    assert slope[:, 0].tolist() == pytest.approx([0.25 * 2 - 0.75, -0.5])
    assert of_weights.flatten().tolist() == pytest.approx([6.0, 2.0, 0.0, 6.0])
    # Parts of at most the bound are left out, and have no slope.
    out = part_mixture(x, weights, layers, bound=0.3)
    assert out[:, 0].tolist() == pytest.approx([0.75 * 2, 0.5 * 6])
    assert torch.autograd.grad(out.sum(), weights)[0].flatten().tolist() == pytest.approx([0.0, 2.0, 0.0, 6.0])


def test_one_network_is_torchs(form):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(70, 3)
    torch.testing.assert_close(mlp(x, network), network(x), rtol=1e-4, atol=1e-4)


def test_no_number_stays_none(form):
    layers = [(torch.eye(2)[None], torch.zeros(1, 2)), (torch.eye(2)[None], torch.zeros(1, 2))]
    out = part_mixture(torch.tensor([[1.0, torch.nan], [2.0, 3.0]]), None, layers)
    assert out[0].isnan().any()
    assert out[1].tolist() == [2.0, 3.0]


def test_amounts_add_groups_of_outputs_up(form):
    torch.manual_seed(0)
    layers = [(torch.randn(3, 5, 8), torch.randn(3, 8)), (torch.randn(3, 8, 6), torch.randn(3, 6))]
    x, weights = torch.randn(70, 5), torch.softmax(torch.randn(70, 3), 1)
    slot = torch.randint(2, (70,))
    # Frame 0 has the first of two groups, frame 1 twice the second less the first.
    amounts = torch.tensor([[1.0, 0.0], [-1.0, 2.0]])
    apart = part_mixture(x, weights, layers)
    out = part_mixture(x, weights, layers, amounts=amounts, slot=slot)
    expected = torch.where(slot[:, None] == 0, apart[:, :3], 2 * apart[:, 3:] - apart[:, :3])
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_amounts_have_a_gradient(form):
    torch.manual_seed(1)
    layers = [(torch.randn(2, 3, 4), torch.randn(2, 4)), (torch.randn(2, 4, 4), torch.randn(2, 4))]
    x, weights, slot = torch.randn(9, 3), torch.softmax(torch.randn(9, 2), 1), torch.randint(3, (9,))
    amounts = torch.randn(3, 2, requires_grad=True)
    slope = torch.autograd.grad(part_mixture(x, weights, layers, amounts=amounts, slot=slot).sum(), amounts)[0]
    apart = part_mixture(x, weights, layers)
    expected = torch.zeros(3, 2).index_add(0, slot, apart.view(9, 2, 2).sum(2))
    torch.testing.assert_close(slope, expected, rtol=1e-3, atol=1e-3)


def test_amounts_that_do_not_fit_are_refused():
    layers = [(torch.randn(2, 3, 4), torch.randn(2, 4))]
    x, weights, slot = torch.randn(9, 3), torch.rand(9, 2), torch.zeros(9, dtype=torch.int64)
    with pytest.raises(ValueError, match="a divisor of 4"):
        part_mixture(x, weights, layers, amounts=torch.rand(1, 3), slot=slot)
    with pytest.raises(ValueError, match=r"slots of the shape \[9\]"):
        part_mixture(x, weights, layers, amounts=torch.rand(1, 2), slot=slot[:5])
    with pytest.raises(ValueError, match=r"slots of the shape \[9\]"):
        part_mixture(x, weights, layers, amounts=torch.rand(1, 2))
