"""The part-based deformation field."""

import torch

from partnerface.avatar.deformation import PartDeformation, partition, positional_encoding
from partnerface.kernels.sparsemax import sparsemax


def make(parts=4, layers=3):
    torch.manual_seed(0)
    centres = torch.randn(parts, 3) * 0.05
    return PartDeformation(centres, 5, 8, layers, 2, 0.01, torch.zeros(3), 0.1)


def test_encoding_of_known_numbers():
    out = positional_encoding(torch.tensor([[0.5, 0.0, -1.0]]), 1)
    torch.testing.assert_close(out, torch.tensor([[0.5, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 1.0, -1.0]]), atol=1e-6, rtol=0)
    assert positional_encoding(torch.zeros(0, 3), 4).shape == (0, 27)


def test_starts_without_deformation():
    field = make()
    moved, logits = field(torch.randn(10, 3) * 0.05, torch.randn(10, 5), hard=False)
    assert moved.abs().max() == 0
    assert logits.shape == (10, 4)


def test_hard_assignment_uses_only_the_nearest_part():
    field = make()
    field.biases[-1].data = torch.arange(4.0)[:, None].expand(4, 3).clone()
    moved, _ = field(field.centres, torch.zeros(4, 5), hard=True)
    torch.testing.assert_close(moved[:, 0], torch.arange(4.0) * 0.01)


def test_soft_assignment_mixes():
    field = make()
    field.biases[-1].data = torch.arange(4.0)[:, None].expand(4, 3).clone()
    points = torch.randn(10, 3) * 0.05
    moved, logits = field(points, torch.zeros(10, 5), hard=False)
    expected = sparsemax(logits) @ torch.arange(4.0) * 0.01
    torch.testing.assert_close(moved[:, 1], expected)


def test_partition_is_deterministic_and_follows_importance():
    torch.manual_seed(1)
    vertices = torch.randn(400, 3)
    importance = torch.where(vertices[:, 0] > 0, 1.0, 0.001)
    centres = partition(vertices, importance, 6)
    torch.testing.assert_close(centres, partition(vertices, importance, 6))
    assert (centres[:, 0] > 0).sum() >= 5
