"""Call every kernel forward and back at sizes about a block's: python exercise.py FOLDER, for the sanitizers."""

import itertools
import sys
from pathlib import Path

import torch
from torch import nn

from partnerface.kernels import library
from partnerface.kernels.adam import adam
from partnerface.kernels.composite import composite_weights, ray_spread, ray_sums
from partnerface.kernels.encoding import positional_encoding
from partnerface.kernels.field import field_networks
from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.inverse_skinning import inverse_skinning
from partnerface.kernels.march import march
from partnerface.kernels.part_mixture import part_mixture
from partnerface.kernels.render import render
from partnerface.kernels.sparsemax import sparsemax
from tests.kernels import scenes

GRID = HashGridSpec(levels=4, features=2, base_resolution=2, finest_resolution=40, log2_size=8)
SIZES = (0, 1, 31, 33, 64, 65, 1000)
WIDTHS = ((39, 32, 32, 3), (24, 64, 16), (5, 110, 2), (3, 1))


def back(out: torch.Tensor) -> None:
    out.sum().backward()


def networks(count: int, widths: tuple[int, ...], parts: int, bound: float) -> None:
    layers = [
        (torch.randn(parts, a, b).requires_grad_(), torch.randn(parts, b).requires_grad_())
        for a, b in itertools.pairwise(widths)
    ]
    weights = torch.softmax(torch.randn(count, parts), 1).requires_grad_() if parts > 1 else None
    x = torch.randn(count, widths[0]).requires_grad_()
    back(part_mixture(x, weights, layers, bound))
    for frames in (1, 4):
        amounts, slot = torch.randn(frames, widths[-1]), torch.randint(frames, (count,))
        back(part_mixture(x, weights, layers, bound, amounts, slot))


def field(count: int) -> None:
    first = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
    second = nn.Sequential(nn.Linear(18, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    x, extra = torch.randn(count, 24).requires_grad_(), torch.randn(count, 3).requires_grad_()
    left, right = field_networks(x, extra, first, second)
    back(left.sum() + right.sum())


def rays(count: int) -> None:
    some = max(count // 5, 1)
    ray = torch.randint(some, (count,)).sort().values
    back(composite_weights(torch.rand(count).requires_grad_(), torch.rand(count), ray))
    back(ray_sums(torch.rand(count, 3).requires_grad_(), ray, some))
    back(ray_spread(torch.rand(some, 2).requires_grad_(), ray))
    low, high = torch.zeros(3), torch.ones(3)
    direction = torch.nn.functional.normalize(torch.randn(count, 3), dim=1)
    for origin in (torch.rand(count, 3), torch.rand(count, 3) + 9):
        march(origin, direction, torch.rand(3, 4, 5) > 0.5, low, high, 0.02, torch.rand(count))


def skin(count: int) -> None:
    ring = torch.randint(50, (50, 12), dtype=torch.int32)
    patch = torch.randint(50, (7, 32), dtype=torch.int32)
    volumes = torch.randint(7, (2, 60), dtype=torch.int16)
    low, high = torch.zeros(3), torch.ones(3)
    points = (torch.rand(count, 3) * 2 - 0.5).requires_grad_()
    out = inverse_skinning(
        points, torch.randint(2, (count,)), torch.rand(2, 50, 3), torch.rand(2, 50, 16), volumes, patch, ring,
        low, high, (3, 4, 5), 0.1, (0.5, 1.0),
    )  # fmt: skip
    back(out[0])


def picture(count: int) -> None:
    for skinned, parts in ((True, 3), (False, 0), (True, 1)):
        # Densities from nothing to opaque; rays that end, and samples that are left out.
        render(scenes.random_scene(skinned, parts), *scenes.rays(3 * count), (3, count), 0.9, 1e-3)


def main() -> None:
    """Everything once for each size."""
    library.FOLDER = Path(sys.argv[1])
    print("exercised:", library.cpu_library().isa)
    for count in SIZES:
        for widths in WIDTHS:
            for parts, bound in ((1, -1.0), (3, -1.0), (3, 0.4)):
                networks(count, widths, parts, bound)
        back(hash_grid(torch.rand(count, 3).requires_grad_(), torch.rand(GRID.entries, 2).requires_grad_(), GRID))
        back(positional_encoding(torch.rand(count, 3).requires_grad_(), 4))
        back(sparsemax(torch.randn(count, 8).requires_grad_()))
        field(count)
        rays(count)
        skin(count)
        picture(count)
        gradient, value, first, second, mean = torch.rand(5, count)
        adam(gradient, value, first, second, mean, 0.1, (0.9, 0.99), 1e-8, 1, 1.0, 0.5)


if __name__ == "__main__":
    main()
