"""The kernels on a GPU against the reference, op by op."""

import pytest
import torch
from torch import Tensor

from partnerface.avatar.motion import Motion
from partnerface.avatar.surface import Surface
from partnerface.bench.drawn import drawn_head, drawn_motion
from partnerface.head.skinning import head_tensors
from partnerface.kernels.adam import adam
from partnerface.kernels.backend import forced
from partnerface.kernels.composite import composite_weights, ray_spread, ray_sums
from partnerface.kernels.encoding import positional_encoding
from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.march import march
from partnerface.kernels.part_mixture import part_mixture
from tests.kernels.kinks import smooth_blendshapes, smooth_mixture

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]

SIZES = (0, 1, 31, 32, 33, 64, 65, 5000)
GRID = HashGridSpec(levels=6, features=2, base_resolution=4, finest_resolution=96, log2_size=12)
ROUNDING = 1e-5


def agree(call, inputs: list[Tensor], relative: float = ROUNDING) -> None:
    """Outputs of `call` and the gradients of its inputs are those of the reference on the CPU."""
    answers = []
    for backend, device in (("reference", "cpu"), ("cuda", "cuda")):
        here = [one.detach().to(device).requires_grad_(one.requires_grad) for one in inputs]
        with forced(backend):
            out = call(*here)
            out = list(out) if isinstance(out, tuple) else [out]
        differentiable = [one for one in out if one.requires_grad]
        wanted = [one for one in here if one.requires_grad]
        torch.manual_seed(7)
        given = [torch.randn(one.shape).to(device) for one in differentiable]
        answers.append(out + list(torch.autograd.grad(differentiable, wanted, given) if wanted else []))
    for expected, found in zip(*answers, strict=True):
        most = float(expected.detach().abs().max()) if expected.numel() else 0.0
        torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=relative * max(most, 1e-12))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("count", SIZES)
def test_hash_grid(count, exact):
    torch.manual_seed(count)
    x, table = torch.rand(count, 3) * 1.2 - 0.1, torch.randn(GRID.entries, 2)
    torch.use_deterministic_algorithms(exact, warn_only=True)
    try:
        agree(lambda x, t: hash_grid(x, t, GRID), [x.requires_grad_(), table.requires_grad_()])
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("widths", [(39, 32, 32, 3), (5, 110, 2), (18, 64, 64, 3)])
@pytest.mark.parametrize("count", SIZES)
def test_part_mixture(count, widths):
    torch.manual_seed(count)
    parts = 8 if widths[1] == 32 else 1
    x, weights, layers = smooth_mixture(count, parts, widths)
    flat = [tensor for pair in layers for tensor in pair]
    for bound in (-1.0, 0.3):

        def call(x, w, *flat, bound=bound):
            return part_mixture(x, w, list(zip(flat[::2], flat[1::2], strict=True)), bound)

        agree(call, [x, weights, *flat])


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("bound", [-1.0, 0.05, 0.3])
@pytest.mark.parametrize("count", SIZES)
def test_part_mixture_with_amounts(count, bound, frames):
    torch.manual_seed(count)
    agree(*smooth_blendshapes(count, frames, bound))


@pytest.mark.parametrize("count", SIZES)
def test_encoding(count):
    agree(lambda x: positional_encoding(x, 4), [(torch.rand(count, 3) * 3 - 1.5).requires_grad_()])


def test_rays():
    torch.manual_seed(0)
    ray = torch.randint(700, (2500,)).sort().values
    density, length = (300 * torch.rand(2500)).requires_grad_(), torch.full((2500,), 0.004)
    agree(composite_weights, [density, length, ray])
    agree(lambda v, ray: ray_sums(v, ray, 700), [torch.randn(2500, 5, requires_grad=True), ray])
    agree(ray_spread, [torch.randn(700, 3, requires_grad=True), ray])


def test_march():
    torch.manual_seed(0)
    origin = torch.randn(500, 3)
    direction = torch.nn.functional.normalize(0.3 * torch.randn(500, 3) - origin, dim=1)
    occupied, low, high = torch.rand(9, 7, 8) > 0.6, torch.full((3,), -0.4), torch.full((3,), 0.5)

    def call(origin, direction, occupied, low, high, jitter):
        return march(origin, direction, occupied, low, high, 0.01, jitter)

    agree(call, [origin, direction, occupied, low, high, torch.rand(500)])


def test_inverse_skinning():
    torch.manual_seed(0)
    head = drawn_head()
    frames = {}
    for device in ("cpu", "cuda"):
        with torch.device(device):
            surface = Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), 0.2)
            frames[device] = surface, surface.frames(Motion.from_arrays(drawn_motion(4)))
    slot = torch.randint(4, (5000,))
    vertices = frames["cpu"][1].vertices
    points = vertices[slot, torch.randint(vertices.shape[1], (5000,))] + 0.02 * torch.randn(5000, 3)

    def call(points, slot):
        surface, posed = frames[points.device.type]
        return surface.to_canonical(points, slot, posed)

    agree(call, [points.requires_grad_(), slot], 1e-4)


def test_adam():
    torch.manual_seed(0)
    start = torch.randn(5, 1000).abs()
    kept = []
    for backend, device in (("reference", "cpu"), ("cuda", "cuda")):
        gradient, value, first, second, mean = start.clone().to(device)
        with forced(backend):
            adam(gradient, value, first, second, mean, 0.01, (0.9, 0.99), 1e-15, 3, 0.5, 0.9)
        kept.append([one.cpu() for one in (value, first, second, mean)])
    for one, other in zip(*kept, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
