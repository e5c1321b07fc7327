"""The hash grid against hand-worked numbers, a loop, and numerical gradients."""

import pytest
import torch

from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.reference import hash_grid as reference
from partnerface.kernels.reference.hash_grid import corners

DENSE = HashGridSpec(levels=1, features=1, base_resolution=1, finest_resolution=1, log2_size=4)
MIXED = HashGridSpec(levels=3, features=2, base_resolution=2, finest_resolution=8, log2_size=6)


def test_spec_counts_rows():
    assert DENSE.entries == 8
    assert DENSE.dense_levels == 1
    assert MIXED.resolutions == (2, 4, 8)
    # 27 points stored densely; 125 and 729 do not fit into 64.
    assert MIXED.offsets == (0, 27, 91, 155)
    assert MIXED.dense_levels == 1


def test_one_cell_is_trilinear(form):
    table = torch.arange(8.0)[:, None]
    # Row index is 4 x + 2 y + z on a grid of one cell, so the blend of these values is 4 x + 2 y + z itself.
    x = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.25, 0.5, 0.75]])
    assert hash_grid(x, table, DENSE)[:, 0].tolist() == pytest.approx([0.0, 7.0, 1.0 + 1.0 + 0.75])


def test_points_outside_are_clamped(form):
    table = torch.arange(8.0)[:, None]
    assert hash_grid(torch.tensor([[2.0, -1.0, 0.5]]), table, DENSE).item() == pytest.approx(4.5)


def test_weights_sum_to_one_and_rows_stay_inside_their_level():
    x = torch.rand(500, 3, generator=torch.Generator().manual_seed(0))
    x[0], x[1] = 0.0, 1.0
    rows, weights, _ = corners(x, MIXED)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 500))
    for level in range(3):
        assert rows[level].min() >= MIXED.offsets[level]
        assert rows[level].max() < MIXED.offsets[level + 1]


def test_hash_is_the_papers():
    # Cell (3, 5, 7) of the level with resolution 8: the first corner's row is (3 ^ 5 p2 ^ 7 p3) mod 64.
    rows, _, _ = corners(torch.tensor([[3.5 / 8, 5.5 / 8, 7.5 / 8]]), MIXED)
    expected = (3 ^ (5 * 2654435761) ^ (7 * 805459861)) % 64
    assert rows[2, 0, 0].item() - MIXED.offsets[2] == expected


def test_blend_equals_a_loop(form):
    generator = torch.Generator().manual_seed(1)
    x, table = torch.rand(33, 3, generator=generator), torch.randn(MIXED.entries, 2, generator=generator)
    rows, weights, _ = corners(x, MIXED)
    expected = torch.stack([(weights[level][..., None] * table[rows[level].long()]).sum(1) for level in range(3)], 1)
    torch.testing.assert_close(hash_grid(x, table, MIXED), expected.reshape(33, 6))


@pytest.mark.filterwarnings("ignore:Sparse")
def test_gradients_are_the_numerical_ones():
    generator = torch.Generator().manual_seed(2)
    # Away from cell faces, where the blend has a kink.
    x = (torch.randint(0, 8, (9, 3), generator=generator) + 0.2 + 0.6 * torch.rand(9, 3, generator=generator)) / 8
    x = x.double().requires_grad_()
    table = torch.randn(MIXED.entries, 2, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: reference.hash_grid(a, b, MIXED), (x, table), eps=1e-6)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33])
def test_any_number_of_points(count):
    table = torch.ones(MIXED.entries, 2, requires_grad=True)
    out = hash_grid(torch.rand(count, 3), table, MIXED)
    assert out.shape == (count, 6)
    torch.testing.assert_close(out, torch.ones(count, 6))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\[N, 3\]"):
        hash_grid(torch.rand(4, 2), torch.ones(MIXED.entries, 2), MIXED)
    with pytest.raises(ValueError, match="table"):
        hash_grid(torch.rand(4, 3), torch.ones(3, 2), MIXED)
