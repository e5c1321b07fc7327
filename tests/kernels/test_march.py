"""Ray marching against geometry that is easy to see."""

import torch

from partnerface.kernels.march import march
from partnerface.kernels.reference.march import bounds, intersect_box, voxel

LOW, HIGH = torch.zeros(3), torch.ones(3)


def test_box_is_entered_and_left():
    origin = torch.tensor([[0.5, 0.5, -1.0], [0.5, 0.5, 0.5], [2.0, 2.0, -1.0]])
    direction = torch.tensor([[0.0, 0.0, 1.0]] * 3)
    enter, leave = intersect_box(origin, direction, LOW, HIGH)
    torch.testing.assert_close(enter[:2], torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(leave[:2], torch.tensor([2.0, 0.5]))
    assert enter[2] > leave[2]


def test_samples_lie_in_occupied_voxels_only(form):
    occupied = torch.zeros(4, 4, 4, dtype=torch.bool)
    occupied[2, 2, 1] = True
    origin = torch.tensor([[0.6, 0.6, -1.0], [0.1, 0.1, -1.0]])
    direction = torch.tensor([[0.0, 0.0, 1.0]] * 2)
    ray, distance = march(origin, direction, occupied, LOW, HIGH, 0.05, None)
    assert ray.tolist() == [0] * 5
    z = -1 + distance
    assert ((z >= 0.25) & (z <= 0.5)).all()
    torch.testing.assert_close(distance.diff(), torch.full((4,), 0.05))


def test_rays_are_in_order_and_misses_give_nothing(form):
    occupied = torch.ones(2, 2, 2, dtype=torch.bool)
    origin = torch.tensor([[0.5, 0.5, -1.0], [9.0, 9.0, -1.0], [0.2, 0.2, -1.0]])
    direction = torch.tensor([[0.0, 0.0, 1.0]] * 3)
    ray, distance = march(origin, direction, occupied, LOW, HIGH, 0.25, torch.tensor([0.3, 0.0, 0.9]))
    assert set(ray.tolist()) == {0, 2}
    assert ray.tolist() == sorted(ray.tolist())
    for one in (0, 2):
        assert (distance[ray == one].diff() > 0).all()
    none, _ = march(origin[1:2], direction[1:2], occupied, LOW, HIGH, 0.25, None)
    assert len(none) == 0


def test_voxel_index_is_row_major_and_clamped():
    points = torch.tensor([[0.0, 0.0, 0.0], [0.99, 0.0, 0.51], [5.0, 5.0, 5.0]])
    assert voxel(points, LOW, HIGH, (2, 3, 4)).tolist() == [0, 12 + 2, 23]


def test_bounds_hug_the_occupied_voxels():
    occupied = torch.zeros(4, 4, 4, dtype=torch.bool)
    assert bounds(occupied, LOW, HIGH)[1].tolist() == [0.0, 0.0, 0.0]
    occupied[1, 2, 0] = occupied[2, 2, 3] = True
    low, high = bounds(occupied, LOW, HIGH)
    assert low.tolist() == [0.25, 0.5, 0.0]
    assert high.tolist() == [0.75, 0.75, 1.0]
