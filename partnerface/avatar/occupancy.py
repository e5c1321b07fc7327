"""Where space is not empty: a hull in the head's rigid frame, and a grid in canonical space that training prunes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from partnerface.avatar.surface import Box
from partnerface.kernels.march import voxel

#: A voxel is empty once no recent sample in it had this compositing weight: it is transparent, or always hidden.
EMPTY_WEIGHT = 0.02
#: What a voxel keeps of its weight at a visit.
MEMORY = 0.85
#: Voxels of room around what was seen in the rigid frame.
RIGID_ROOM = 2
#: The same in canonical space.
CANONICAL_ROOM = 1
#: Weight of a voxel at its first visit: it takes some more to be found empty.
FIRST_WEIGHT = 0.1


def carve_hull(
    box: Box, resolution: tuple[int, int, int], alpha: Tensor, camera: Tensor, rotation: Tensor, translation: Tensor
) -> Tensor:
    """Share of the frames that show a voxel in whose mask it lies, the visual hull in the head's rigid frame.

    A voxel that every frame leaves outside of its picture is not in the hull: nothing is known of it, and a new pose
    would bring into view whatever stands there.

    Args:
        box, resolution: the grid.
        alpha: [T, H, W] masks in [0, 1].
        camera: [T, 3, 3] K at H x W.
        rotation, translation: [T, 3, 3], [T, 3] rigid frame → camera space.

    Returns:
        [X, Y, Z] share in [0, 1].
    """
    centres = box.centres(resolution)
    inside, shown = torch.zeros(len(centres)), torch.zeros(len(centres))
    frames, height, width = alpha.shape
    # A voxel is larger than a pixel: widen the masks by half a voxel's picture.
    edge_px = float(camera[0, 0, 0]) * float((box.high - box.low)[0]) / resolution[0] / float(translation[:, 2].mean())
    reach = max(1, round(edge_px))
    wide = nn.functional.max_pool2d(alpha[:, None], 2 * reach + 1, stride=1, padding=reach)[:, 0]
    for i in range(frames):
        points = centres @ rotation[i].T + translation[i]
        x = (points[:, 0] / points[:, 2] * camera[i, 0, 0] + camera[i, 0, 2]).floor().long()
        y = (points[:, 1] / points[:, 2] * camera[i, 1, 1] + camera[i, 1, 2]).floor().long()
        here = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        value = wide[i][y.clamp(0, height - 1), x.clamp(0, width - 1)]
        inside += (here & (value > 0.05)).float()
        shown += here.float()
    return (inside / shown.clamp(min=1)).view(*resolution)


def dilated(mask: Tensor, room: int) -> Tensor:
    """[X, Y, Z] bool: whether there is a voxel of the mask within `room` voxels along every axis."""
    for axis in range(3):
        wide, size = mask.clone(), mask.shape[axis]
        for shift in range(1, min(room, size - 1) + 1):
            wide.narrow(axis, shift, size - shift).logical_or_(mask.narrow(axis, 0, size - shift))
            wide.narrow(axis, 0, size - shift).logical_or_(mask.narrow(axis, shift, size - shift))
        mask = wide
    return mask


class Occupancy(nn.Module):
    """The two grids of an avatar, over the same box.

    Each keeps per voxel the compositing weight of its heaviest recent sample: in the rigid frame (where rays are
    sampled at all, within the hull) and in canonical space (which samples are evaluated).

    Args:
        box: the canonical box, which also bounds the rigid frame.
        hull: [X, Y, Z] bool in the rigid frame: outside of it nothing is ever sampled.
    """

    hull: Tensor
    weight: Tensor
    visited: Tensor

    def __init__(self, box: Box, hull: Tensor):
        super().__init__()
        self.box = box
        self.resolution = (hull.shape[0], hull.shape[1], hull.shape[2])
        self.register_buffer("hull", hull)
        self.register_buffer("weight", torch.full((2, *hull.shape), FIRST_WEIGHT))
        self.register_buffer("visited", torch.zeros(2, *hull.shape, dtype=torch.bool))
        self.refresh()

    def refresh(self) -> None:
        """Recompute which voxels are live: those with weight, and their neighbours.

        The rigid grid looks farther around: a new pose or expression moves skin that training never saw there.
        """
        self.reachable = self.hull & self._occupied(0, RIGID_ROOM)
        self.live = self._occupied(1, CANONICAL_ROOM)

    def _occupied(self, grid: int, room: int) -> Tensor:
        """[X, Y, Z] bool: not visited yet, or within `room` voxels of a visited voxel with weight."""
        visited = self.visited[grid]
        return ~visited | dilated(visited & (self.weight[grid] > EMPTY_WEIGHT), room)

    def is_live(self, points: Tensor) -> Tensor:
        """[N] bool for canonical points [N, 3]."""
        return self.live.reshape(-1)[voxel(points, self.box.low, self.box.high, self.resolution)]

    @torch.no_grad()
    def observe(
        self, points: Tensor, canonical: Tensor, weight: Tensor, maximum: Callable[[Tensor], Tensor] = lambda own: own
    ) -> None:
        """Let samples speak: a voxel forgets slowly and remembers the heaviest sample.

        Args:
            points: [N, 3] in the rigid frame, m. canonical: [N, 3], m. weight: [N] compositing weights.
            maximum: gives the greatest of each element over the processes that share the samples.
        """
        heaviest = weight.new_full((2, self.hull.numel()), -1.0)
        for own, places in zip(heaviest, (points, canonical), strict=True):
            own.scatter_reduce_(0, voxel(places, self.box.low, self.box.high, self.resolution), weight, "amax")
        heaviest = maximum(heaviest).view_as(self.weight)
        seen = heaviest >= 0
        self.weight.copy_(torch.where(seen, torch.maximum(self.weight * MEMORY, heaviest), self.weight))
        self.visited |= seen
