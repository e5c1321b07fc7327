"""The kernels against the reference, forward and back, on sizes about a vector's and a block's width."""

import functools

import pytest
import torch
from torch import Tensor, nn

from partnerface.avatar.motion import Motion
from partnerface.avatar.surface import Surface
from partnerface.bench.drawn import drawn_head, drawn_motion
from partnerface.head.skinning import head_tensors
from partnerface.kernels.adam import adam
from partnerface.kernels.backend import forced
from partnerface.kernels.composite import composite_weights, ray_spread, ray_sums
from partnerface.kernels.encoding import positional_encoding
from partnerface.kernels.field import field_networks
from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.march import march
from partnerface.kernels.part_mixture import part_mixture
from tests.kernels.kinks import smooth_blendshapes, smooth_mixture, smooth_pair

SIZES = (0, 1, 31, 32, 33, 64, 65, 5000)
GRID = HashGridSpec(levels=6, features=2, base_resolution=4, finest_resolution=96, log2_size=12)


#: Differences in units of the largest number. Matrix units multiply bfloat16 halves.
NETWORKS = {"amx": 1e-4}
ROUNDING = 1e-5


def both(call, inputs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs of `call`, then the gradients of the inputs that have them, of the reference and of the kernels."""
    answers = []
    for backend in ("reference", "cpu"):
        with forced(backend):
            out = call(*inputs)
            out = list(out) if isinstance(out, tuple) else [out]
        differentiable = [one for one in out if one.requires_grad]
        wanted = [one for one in inputs if one.requires_grad]
        torch.manual_seed(7)
        given = [torch.randn(one.shape) for one in differentiable]
        answers.append(out + list(torch.autograd.grad(differentiable, wanted, given) if wanted else []))
    return answers[0], answers[1]


def agree(answers: tuple[list[Tensor], list[Tensor]], relative: float) -> None:
    """Equal but for `relative` of the greatest number of each tensor."""
    for expected, found in zip(*answers, strict=True):
        most = float(expected.detach().abs().max()) if expected.numel() else 0.0
        torch.testing.assert_close(found, expected, rtol=0, atol=relative * max(most, 1e-12))


@pytest.mark.parametrize("count", SIZES)
def test_hash_grid(count, isa):
    torch.manual_seed(count)
    # Some points lie outside of the cube, where they have no slope.
    x, table = torch.rand(count, 3) * 1.2 - 0.1, torch.randn(GRID.entries, 2)
    agree(both(lambda x, t: hash_grid(x, t, GRID), [x.requires_grad_(), table.requires_grad_()]), 5e-6)


@pytest.mark.parametrize("widths", [(39, 32, 32, 3), (5, 110, 2), (18, 64, 16), (24, 48, 48, 17)])
@pytest.mark.parametrize("count", SIZES)
def test_part_mixture(count, widths, isa):
    torch.manual_seed(count)
    parts = 8 if widths[1] == 32 else 1
    x, weights, layers = smooth_mixture(count, parts, widths)
    flat = [tensor for pair in layers for tensor in pair]
    tolerance = NETWORKS.get(isa, ROUNDING)
    for bound, weighed in ((-1.0, True), (0.05, True), (0.3, True), (-1.0, parts > 1)):

        def call(x, w, *flat, bound=bound, weighed=weighed):
            return part_mixture(x, w if weighed else None, list(zip(flat[::2], flat[1::2], strict=True)), bound)

        if weighed:
            agree(both(call, [x, weights, *flat]), tolerance)
        else:
            agree(both(lambda x, *f, call=call: call(x, None, *f), [x, *flat]), tolerance)


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("bound", [-1.0, 0.05, 0.3])
@pytest.mark.parametrize("count", SIZES)
def test_part_mixture_with_amounts(count, bound, frames, isa):
    torch.manual_seed(count)
    agree(both(*smooth_blendshapes(count, frames, bound)), NETWORKS.get(isa, ROUNDING))


@pytest.mark.parametrize("code", [0, 5])
@pytest.mark.parametrize("count", SIZES)
def test_field_networks(count, code, isa):
    torch.manual_seed(count)
    geometry = nn.Sequential(nn.Linear(24 + code, 64), nn.ReLU(), nn.Linear(64, 16))
    colour = nn.Sequential(nn.Linear(15 + 3 + code, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    x, extra = smooth_pair(count, geometry, colour)
    flat = [*geometry.parameters(), *colour.parameters()]

    def call(x, extra, *_):
        return field_networks(x, extra, geometry, colour)

    agree(both(call, [x.requires_grad_(), extra.requires_grad_(), *flat]), NETWORKS.get(isa, ROUNDING))


@pytest.mark.parametrize("count", SIZES)
def test_encoding(count, isa):
    x = (torch.rand(count, 3) * 3 - 1.5).requires_grad_()
    # In the highest octave the argument reaches 38 radians, where neighbouring floats are 4e-6 apart.
    agree(both(lambda x: positional_encoding(x, 4), [x]), 6e-6)


@pytest.mark.parametrize("rays", [1, 3, 700])
def test_rays(rays, isa):
    torch.manual_seed(rays)
    ray = torch.randint(rays, (2500,)).sort().values
    density, length = (300 * torch.rand(2500)).requires_grad_(), torch.full((2500,), 0.004)
    values, whole = torch.randn(2500, 5, requires_grad=True), torch.randn(rays, 3, requires_grad=True)
    # A ray of very many samples is opaque long before its end, where sums of depths in single precision are coarse.
    agree(both(lambda d: composite_weights(d, length, ray), [density]), 2e-4 if rays < 10 else 1e-5)
    agree(both(lambda v: ray_sums(v, ray, rays), [values]), 1e-5)
    agree(both(lambda v: ray_spread(v, ray), [whole]), 1e-5)


@pytest.mark.parametrize("jittered", [True, False])
def test_march_takes_the_very_same_samples(jittered, isa):
    torch.manual_seed(0)
    origin = torch.randn(500, 3)
    direction = torch.nn.functional.normalize(0.3 * torch.randn(500, 3) - origin, dim=1)
    direction[0] = torch.tensor([0.0, 0.0, 1.0])
    occupied = torch.rand(9, 7, 8) > 0.6
    low, high = torch.tensor([-0.4, -0.3, -0.5]), torch.tensor([0.5, 0.4, 0.3])
    jitter = torch.rand(500) if jittered else None
    for live in (occupied, torch.zeros_like(occupied)):
        (ray, distance), (found_ray, found_distance) = both(
            lambda o, d, live=live: march(o, d, live, low, high, 0.01, jitter), [origin, direction]
        )
        assert torch.equal(ray, found_ray)
        assert torch.equal(distance, found_distance)


@functools.cache
def drawn_surface() -> Surface:
    head = drawn_head()
    return Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), 0.2)


@pytest.mark.parametrize("count", SIZES)
def test_inverse_skinning(count, isa):
    torch.manual_seed(count)
    surface = drawn_surface()
    frames = surface.frames(Motion.from_arrays(drawn_motion(4)))
    slot = torch.randint(4, (count,))
    vertex = torch.randint(frames.vertices.shape[1], (count,))
    points = frames.vertices[slot, vertex] + 0.02 * torch.randn(count, 3)
    agree(both(lambda p: surface.to_canonical(p, slot, frames), [points.requires_grad_()]), 1e-5)


def test_adam(isa):
    torch.manual_seed(0)
    gradient, start = torch.randn(1000), torch.randn(1000)
    kept = {}
    for backend in ("reference", "cpu"):
        value, first, second, mean = start.clone(), torch.zeros(1000), torch.zeros(1000), start.clone()
        for step in range(1, 6):
            with forced(backend):
                adam(gradient * step, value, first, second, mean, 0.01, (0.9, 0.99), 1e-15, step, 0.5, 0.9)
        kept[backend] = [value, first, second, mean]
    # The first step of Adam is its rate times the gradient's sign.
    agree((kept["reference"], kept["cpu"]), 1e-6)
