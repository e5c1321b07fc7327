"""The layer behind the head."""

import torch

from partnerface.avatar.shoulders import Shoulders
from partnerface.kernels.reference.hash_grid import HashGridSpec


def layer() -> Shoulders:
    torch.manual_seed(0)
    made = Shoulders(3, HashGridSpec(4, 2, 4, 32, 12), 16)
    torch.nn.init.normal_(made.table)
    made.reach.fill_(0.4)
    return made


def test_the_picture_stands_at_the_foot_of_the_neck() -> None:
    shoulders, pose = layer(), torch.zeros(50, 3)
    at = torch.rand(50, 2) * 0.4 - 0.2  # metres from the foot of the neck
    seen = []
    for foot in (torch.tensor([0.0, 0.1, 0.6]), torch.tensor([0.05, 0.08, 0.9])):
        seen.append(shoulders((at + foot[:2]) / foot[2], foot.expand(50, 3), pose))
    torch.testing.assert_close(seen[0], seen[1], atol=1e-4, rtol=0)
    assert seen[0][0].std(0).min() > 0.01


def test_an_untrained_layer_does_not_follow_the_head() -> None:
    shoulders = layer()
    plane, foot = torch.rand(20, 2) * 0.4 - 0.2, torch.tensor([0.0, 0.1, 0.6]).expand(20, 3)
    still, turned = (shoulders(plane, foot, pose) for pose in (torch.zeros(20, 3), torch.ones(20, 3)))
    torch.testing.assert_close(still, turned)


def test_poses_beyond_what_was_learnt_move_it_no_farther() -> None:
    shoulders = layer()
    torch.nn.init.normal_(shoulders.shift.weight)
    plane, foot = torch.rand(20, 2) * 0.4 - 0.2, torch.tensor([0.0, 0.1, 0.6]).expand(20, 3)
    far, farther = (shoulders(plane, foot, torch.full((20, 3), value)) for value in (3.0, 9.0))
    torch.testing.assert_close(far, farther)
