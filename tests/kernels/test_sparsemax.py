"""Soft weights with exact zeros."""

import pytest
import torch

from partnerface.kernels.backend import forced
from partnerface.kernels.reference.sparsemax import sparsemax as reference
from partnerface.kernels.sparsemax import sparsemax
from tests.kernels.test_parity import SIZES, agree, both

#: Logits and weights worked out by hand: τ is 0.25, 2, 0 and 2/3 less than nothing.
KNOWN = [
    ([1.0, 0.5, -1.0], [0.75, 0.25, 0.0]),
    ([3.0, 1.0, 0.0], [1.0, 0.0, 0.0]),
    ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
    ([-1.0, -1.0, -1.0], [1 / 3, 1 / 3, 1 / 3]),
]


@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_known_numbers(backend):
    logits, weights = (torch.tensor(rows) for rows in zip(*KNOWN, strict=True))
    with forced(backend):
        torch.testing.assert_close(sparsemax(logits), weights)


def test_is_the_nearest_point_of_the_simplex():
    torch.manual_seed(0)
    logits = 2 * torch.randn(40, 5, dtype=torch.float64)
    found = reference(logits)
    torch.testing.assert_close(found.sum(1), torch.ones(40, dtype=torch.float64))
    assert float(found.min()) == 0
    others = torch.distributions.Dirichlet(torch.full((5,), 0.5, dtype=torch.float64)).sample((2000,))
    nearest = torch.cdist(logits, others).amin(1)
    assert (torch.linalg.vector_norm(logits - found, dim=1) <= nearest).all()


def test_gradients_of_the_reference():
    torch.manual_seed(1)
    logits = torch.randn(20, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(reference, logits)


@pytest.mark.parametrize("parts", [1, 2, 8, 17])
@pytest.mark.parametrize("count", SIZES)
def test_kernels(count, parts, isa):
    torch.manual_seed(count)
    agree(both(sparsemax, [torch.randn(count, parts).requires_grad_()]), 1e-6)


def test_what_is_not_a_number_stays_none(isa):
    logits = torch.randn(40, 3)
    logits[7] = torch.nan
    found = sparsemax(logits)
    assert found[7].isnan().all()
    assert not found[torch.arange(40) != 7].isnan().any()
