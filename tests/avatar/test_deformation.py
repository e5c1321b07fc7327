"""The part-based deformation field."""

import pytest
import torch
from torch import nn

from partnerface.avatar.deformation import LANDMARK_REACH, PartDeformation, partition, positional_encoding
from partnerface.kernels.sparsemax import sparsemax


def make(parts=4, layers=3, weighting="sparsemax", blendshapes=True):
    torch.manual_seed(0)
    centres = torch.randn(parts, 3) * 0.05
    return PartDeformation(centres, weighting, blendshapes, 5, 8, layers, 2, 0.01, torch.zeros(3), 0.1)


def moved_by(field, points, code, hard):
    """Each point in a frame of its own."""
    return field(points, code, torch.arange(len(points)), hard)


def test_encoding_of_known_numbers():
    out = positional_encoding(torch.tensor([[0.5, 0.0, -1.0]]), 1)
    torch.testing.assert_close(out, torch.tensor([[0.5, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 1.0, -1.0]]), atol=1e-6, rtol=0)
    assert positional_encoding(torch.zeros(0, 3), 4).shape == (0, 27)


def test_starts_without_deformation():
    field = make()
    moved, logits = moved_by(field, torch.randn(10, 3) * 0.05, torch.randn(10, 5), hard=False)
    assert moved.abs().max() == 0
    assert logits.shape == (10, 4)


def test_hard_assignment_uses_only_the_nearest_part():
    field = make(blendshapes=False)
    field.biases[-1].data = torch.arange(4.0)[:, None].expand(4, 3).clone()
    moved, _ = moved_by(field, field.centres, torch.zeros(4, 5), hard=True)
    torch.testing.assert_close(moved[:, 0], torch.arange(4.0) * 0.01)


def test_soft_assignment_mixes():
    field = make(blendshapes=False)
    field.biases[-1].data = torch.arange(4.0)[:, None].expand(4, 3).clone()
    points = torch.randn(10, 3) * 0.05
    moved, logits = moved_by(field, points, torch.zeros(10, 5), hard=False)
    expected = sparsemax(logits) @ torch.arange(4.0) * 0.01
    torch.testing.assert_close(moved[:, 1], expected)


def test_softmax_leaves_no_zeros():
    field = make(weighting="softmax")
    weights, logits = field.weigh(torch.randn(10, 3) * 0.05)
    assert logits is not None
    torch.testing.assert_close(weights, torch.softmax(logits, 1))


def test_parts_by_the_partition_or_at_landmarks_need_no_assigner():
    points = torch.randn(10, 3) * 0.05
    for weighting in ("partition", "landmarks"):
        field = make(weighting=weighting)
        weights, logits = field.weigh(points)
        assert logits is None
        assert field.assigner is None
        torch.testing.assert_close(weights.sum(1), torch.ones(10))
        assert torch.equal(weights.argmax(1), field.labels(points))
    near = torch.exp(-0.5 * (torch.cdist(points, field.centres) / LANDMARK_REACH).square())
    torch.testing.assert_close(weights, near / near.sum(1, keepdim=True))


def test_one_part_is_the_whole():
    weights, logits = make(parts=1).weigh(torch.randn(10, 3))
    assert torch.equal(weights, torch.ones(10, 1))
    assert logits is None


@pytest.mark.parametrize("blendshapes", [True, False])
def test_of_no_points_nothing_is_moved(blendshapes):
    moved, logits = moved_by(make(blendshapes=blendshapes), torch.zeros(0, 3), torch.zeros(0, 5), hard=False)
    assert moved.shape == (0, 3)
    assert logits.shape == (0, 4)


def test_the_code_adds_up_blendshapes():
    field = make(parts=2, layers=1, weighting="partition")
    field.biases[-1].data = torch.arange(36.0).view(2, 18)
    code = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, -2.0, 0.5]])
    moved, _ = moved_by(field, field.centres, code, hard=False)
    # At rest 0, 1, 2 of the first part; 18, 19, 20 of the second; then three numbers for each component.
    expected = [[0 + 3, 1 + 4, 2 + 5], [18 - 2 * 30 + 0.5 * 33, 19 - 2 * 31 + 0.5 * 34, 20 - 2 * 32 + 0.5 * 35]]
    torch.testing.assert_close(moved, torch.tensor(expected) * 0.01)


def test_blendshapes_are_linear_in_the_code_where_networks_are_not():
    points, code = torch.randn(10, 3) * 0.05, torch.randn(10, 5)
    for blendshapes in (True, False):
        field = make(blendshapes=blendshapes)
        for layer in field.weights:
            nn.init.normal_(layer)
        rest, once, twice = (moved_by(field, points, code * amount, hard=False)[0] for amount in (0, 1, 2))
        assert torch.allclose(twice - once, once - rest, rtol=1e-4, atol=1e-6) == blendshapes


@pytest.mark.parametrize("blendshapes", [True, False])
def test_a_part_is_blind_to_what_it_does_not_attend_to(blendshapes):
    field = make(weighting="partition", blendshapes=blendshapes)
    for layer in field.weights:
        nn.init.normal_(layer)
    field.attention[:, 2] = 0
    points, code = torch.randn(10, 3) * 0.05, torch.randn(10, 5)
    other, same = code.clone(), code.clone()
    same[:, 2] += 1
    other[:, 3] += 1
    moved = moved_by(field, points, code, hard=False)[0]
    assert torch.equal(moved, moved_by(field, points, same, hard=False)[0])
    assert not torch.equal(moved, moved_by(field, points, other, hard=False)[0])


def test_partition_is_deterministic_and_follows_importance():
    torch.manual_seed(1)
    vertices = torch.randn(400, 3)
    importance = torch.where(vertices[:, 0] > 0, 1.0, 0.001)
    centres = partition(vertices, importance, 6)
    torch.testing.assert_close(centres, partition(vertices, importance, 6))
    assert (centres[:, 0] > 0).sum() >= 5
