"""First poses, bridged frames and the choice of keyframes."""

import torch

from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.tracking.initialise import bridge, initial_pose, keyframes, similarity


def test_similarity_is_recovered():
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    rotation = axis_angle_to_matrix(torch.tensor([[3.0, 0.2, -0.1], [0.1, 0.4, 0.0]], dtype=torch.float64))
    scale, shift = torch.tensor([500.0, 900.0]).double(), torch.tensor([[1.0, 2.0, 3.0], [-4.0, 0.0, 9.0]]).double()
    target = scale[:, None, None] * source @ rotation.transpose(1, 2) + shift[:, None]
    found = similarity(source, target, torch.rand(20, generator=generator, dtype=torch.float64))
    for got, expected in zip(found, (rotation, scale, shift), strict=True):
        torch.testing.assert_close(got, expected)


def test_first_pose_is_near_the_truth(toy):
    state, points = toy.clip(6)
    middle = torch.full((2,), toy.size / 2, dtype=torch.float64)
    weights = torch.ones(478, dtype=torch.float64)
    rotation, position = initial_pose(toy.head, torch.as_tensor(points), middle, weights)
    angle = matrix_to_axis_angle(state.rotation.transpose(1, 2) @ rotation).norm(dim=1)
    assert angle.max() < 0.15
    assert (position[:, 2] - state.position[:, 2]).abs().max() < 0.1
    assert (position[:, :2] - state.position[:, :2]).abs().max() < 0.02


def test_bridge_blends_the_neighbours():
    turn = axis_angle_to_matrix(torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.4, 0.0]], dtype=torch.float64))
    place = torch.tensor([[0.0, 0.0, 1.0], [9.0, 9.0, 9.0], [2.0, 0.0, 3.0]], dtype=torch.float64)
    rotation, position = bridge(turn, place, torch.tensor([True, False, True]))
    torch.testing.assert_close(position[1], torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64))
    torch.testing.assert_close(matrix_to_axis_angle(rotation[1]), torch.tensor([0.0, 0.2, 0.0], dtype=torch.float64))
    torch.testing.assert_close(rotation[2], turn[2])


def test_keyframes_hold_the_odd_one_and_skip_what_was_not_found(toy):
    _, points = toy.clip(30)
    still = torch.as_tensor(points[:1]).repeat(200, 1, 1)
    still += 0.01 * torch.randn(still.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    still[137] = torch.as_tensor(points[20])
    found = torch.ones(200, dtype=torch.bool)
    found[:10] = False
    middle = torch.full((2,), toy.size / 2, dtype=torch.float64)
    pose = initial_pose(toy.head, still, middle, torch.ones(478, dtype=torch.float64))
    chosen = keyframes(still, *pose, found, 16)
    assert 137 in chosen
    assert chosen.min() >= 10
    assert len(chosen) == 16
    assert (chosen.diff() > 0).all()
