"""Scenes of random numbers for the renderer."""

import itertools

import torch
from torch import Tensor

from partnerface.kernels.hash_grid import HashGridSpec
from partnerface.kernels.render import Layers, PosedDeformation, PosedField, PosedSkin, Scene

GRID = HashGridSpec(levels=3, features=2, base_resolution=2, finest_resolution=8, log2_size=6)
LOW, HIGH = torch.zeros(3), torch.ones(3)
VOXELS = (3, 4, 5)


def layers(parts: int, *widths: int) -> Layers:
    """Of `parts` random networks."""
    return [(torch.randn(parts, a, b) / a**0.5, torch.randn(parts, b)) for a, b in itertools.pairwise(widths)]


def random_scene(skinned: bool = True, parts: int = 3, field: PosedField | None = None, step: float = 0.03) -> Scene:
    """In the unit cube, with two thirds of its voxels live; parts: 0 for no deformation."""
    skin = deformation = None
    if skinned:
        patch, ring = torch.randint(50, (7, 32), dtype=torch.int32), torch.randint(50, (50, 12), dtype=torch.int32)
        maps = torch.eye(3, 4).flatten() + 0.1 * torch.randn(1, 50, 12)
        maps = torch.cat([maps, torch.randn(1, 50, 4)], dim=2)
        volume = torch.randint(7, (1, 60), dtype=torch.int16)
        skin = PosedSkin(torch.rand(1, 50, 3), maps, volume, patch, ring, VOXELS, 0.1, (0.5, 1.0))
    if parts:
        networks = layers(1, 27, 8, parts), layers(parts, 27, 16, 3)
        deformation = PosedDeformation(4, torch.full((3,), 0.5), 0.5, 0.1, 0.0, *networks)
    if field is None:
        table = torch.randn(GRID.entries, GRID.features)
        rise = 2.0 if skinned else 0.0
        field = PosedField(LOW, 1.0, GRID, table, layers(1, 6, 16, 9), layers(1, 11, 16, 3), rise, 0.1)
    reachable, live = torch.rand(VOXELS) < 0.7, torch.rand(VOXELS) < 0.7
    return Scene(reachable, live, LOW, HIGH, step, skin, deformation, field)


def rays(count: int) -> tuple[Tensor, Tensor]:
    """From all around through the cube."""
    origin = torch.nn.functional.normalize(torch.randn(count, 3), dim=1) * 2 + 0.5
    return origin, torch.nn.functional.normalize(torch.rand(count, 3) - origin, dim=1)
