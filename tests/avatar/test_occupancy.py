"""The visual hull: what is in the masks of the frames that show it."""

import pytest
import torch

from partnerface.avatar.occupancy import carve_hull, dilated
from partnerface.avatar.surface import Box

SIZE = 32


def hull(masks: torch.Tensor, sideways: list[float]) -> torch.Tensor:
    """Shares of nine voxels of 2 cm in a row, 1 m before the camera, the head shifted sideways in each frame (m)."""
    count = len(sideways)
    box = Box(torch.tensor([-0.09, -0.01, -0.01]), torch.tensor([0.09, 0.01, 0.01]))
    camera = torch.tensor([[SIZE * 8.0, 0, SIZE / 2], [0, SIZE * 8.0, SIZE / 2], [0, 0, 1]]).expand(count, 3, 3)
    translation = torch.tensor([[shift, 0.0, 1.0] for shift in sideways])
    return carve_hull(box, (9, 1, 1), masks, camera, torch.eye(3).expand(count, 3, 3), translation)[:, 0, 0]


def test_a_voxel_belongs_to_the_head_where_the_masks_that_show_it_say_so():
    # The picture shows 12.5 cm, six voxels; the second frame is shifted by two of them.
    whole = torch.ones(2, SIZE, SIZE)
    share = hull(whole, [0.0, 0.04])
    assert share[1:7].eq(1).all()
    # Where only one frame looks, its word counts.
    assert share[0] == 1
    empty = torch.stack([whole[0], 0 * whole[0]])
    assert hull(empty, [0.0, 0.04])[3:6].eq(0.5).all()


def test_what_no_picture_shows_is_no_head():
    share = hull(torch.ones(3, SIZE, SIZE), [0.0, 0.0, 0.0])
    assert share[3:6].eq(1).all()
    assert share[[0, 8]].eq(0).all()


@pytest.mark.parametrize("shape", [(7, 6, 5), (5, 1, 2)])
@pytest.mark.parametrize("room", [1, 2])
def test_dilated_reaches_so_far_along_every_axis(shape, room):
    torch.manual_seed(room)
    mask = torch.rand(shape) > 0.9
    here = mask.nonzero()
    every = torch.ones(shape).nonzero()
    near = (every[:, None] - here[None]).abs().amax(2) <= room
    assert torch.equal(dilated(mask, room), near.any(1).view(shape))
