"""The ops as torch sees them: torch's own checks, results that repeat, and inputs that don't fit."""

import pytest
import torch

import partnerface.kernels.adam
import partnerface.kernels.field  # noqa: F401  the same
from partnerface.kernels.composite import composite_weights, ray_sums
from partnerface.kernels.encoding import positional_encoding
from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.inverse_skinning import inverse_skinning
from partnerface.kernels.library import UnavailableError, cpu_library
from partnerface.kernels.march import march
from partnerface.kernels.part_mixture import part_mixture
from partnerface.kernels.sparsemax import sparsemax

GRID = HashGridSpec(levels=3, features=2, base_resolution=2, finest_resolution=8, log2_size=6)
LOW, HIGH = torch.zeros(3), torch.ones(3)


@pytest.fixture(autouse=True)
def _built():
    try:
        cpu_library()
    except UnavailableError as reason:
        pytest.skip(str(reason))


def needs_gradient(*shape: int) -> torch.Tensor:
    return torch.rand(*shape).requires_grad_()


def skin(count: int):
    """Inputs of inverse skinning: two frames of four vertices, and a grid of eight cells."""
    vertices = torch.rand(2, 4, 3)
    maps = torch.rand(2, 4, 16)
    volumes = torch.zeros(2, 8, dtype=torch.int16)
    patch = torch.arange(4, dtype=torch.int32)[None]
    ring = torch.tensor([[0, 1], [1, 0], [2, 3], [3, 2]], dtype=torch.int32)
    return torch.rand(count, 3), torch.randint(2, (count,)), vertices, maps, volumes, patch, ring


def arguments(count: int) -> dict[str, tuple]:
    """Of each op, as the library wants them: samples along the second dimension."""
    torch.manual_seed(count)
    ray = torch.randint(max(count // 3, 1), (count,)).sort().values
    rays = max(count // 3, 1)
    layers = [torch.randn(2, 4, 8), torch.randn(2, 8), torch.randn(2, 8, 3), torch.randn(2, 3)]
    layers = [tensor.requires_grad_() for tensor in layers]
    points, slot, *rest = skin(count)
    direction = torch.nn.functional.normalize(torch.rand(count, 3) - 0.5, dim=1)
    return {
        "hash_grid": (needs_gradient(3, count), needs_gradient(GRID.entries, 2), list(GRID.resolutions), 6),
        "part_mixture": (
            needs_gradient(4, count), needs_gradient(2, count), torch.rand(2, 3),
            torch.randint(2, (count,), dtype=torch.int32), layers, 0.2, True,
        ),
        "field": (
            needs_gradient(4, count), needs_gradient(2, count),
            [needs_gradient(4, 8), needs_gradient(8), needs_gradient(8, 3), needs_gradient(3)],
            [needs_gradient(4, 8), needs_gradient(8), needs_gradient(8, 3), needs_gradient(3)],
        ),
        "positional_encoding": (needs_gradient(3, count), 3),
        "sparsemax": (needs_gradient(4, count),),
        "composite": (needs_gradient(count), torch.rand(count), ray),
        "ray_sums": (needs_gradient(2, count), ray, rays),
        "ray_spread": (needs_gradient(2, rays), ray),
        "inverse_skinning": (
            points.t().contiguous().requires_grad_(), slot, *rest, torch.stack([LOW, HIGH]), [2, 2, 2], 0.1, 0.5, 1.0,
        ),
        "march": (
            torch.rand(count, 3), direction, torch.rand(3, 3, 3) > 0.5, torch.stack([LOW, HIGH]),
            torch.stack([LOW, HIGH]), 0.05, None,
        ),
        "adam": (*(torch.rand(count) for _ in range(5)), 0.1, 0.9, 0.99, 1e-8, 1.0, 1.0, 0.5),
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 33])
@pytest.mark.parametrize("name", arguments(0))
def test_torch_finds_no_fault(name, count):
    torch.library.opcheck(getattr(torch.ops.partnerface, name).default, arguments(count)[name])


@pytest.mark.parametrize("name", ["hash_grid", "part_mixture", "composite", "ray_sums", "inverse_skinning"])
def test_same_bits_at_each_run(name):
    found = []
    for _ in range(2):
        given = arguments(5000)[name]
        out = getattr(torch.ops.partnerface, name)(*given)
        out = out if isinstance(out, tuple) else (out,)
        flat = [one for group in given for one in (group if isinstance(group, list) else [group])]
        wanted = [one for one in flat if isinstance(one, torch.Tensor) and one.requires_grad]
        found.append([*out, *torch.autograd.grad(out[0].sum(), wanted)])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def mixture(features=4, weights=2, bias=8):
    return part_mixture(
        torch.rand(5, features), torch.rand(5, weights), [(torch.rand(2, 4, 8), torch.rand(2, bias))]
    )  # fmt: skip


def skinned(**changed):
    names = ("points", "slot", "vertices", "maps", "volumes", "patch", "ring")
    given = dict(zip(names, skin(5), strict=True)) | changed
    return inverse_skinning(**given, low=LOW, high=HIGH, resolution=(2, 2, 2), radius=0.1, reach=(0.5, 1.0))


def marched(directions=5, occupied=(2, 2, 2), dtype=torch.bool):
    grid = torch.ones(occupied).to(dtype)
    return march(torch.rand(5, 3), torch.rand(directions, 3), grid, LOW, HIGH, 0.1, None)


MISFITS = {
    "points of two numbers": (lambda: hash_grid(torch.rand(5, 2), torch.rand(GRID.entries, 2), GRID), "x"),
    "a table too short": (lambda: hash_grid(torch.rand(5, 3), torch.rand(9, 2), GRID), "table"),
    "points in double": (lambda: hash_grid(torch.rand(5, 3).double(), torch.rand(GRID.entries, 2), GRID), "float32"),
    "too few features": (lambda: mixture(features=3), "weight 0"),
    "too many weights": (lambda: mixture(weights=3), "weights"),
    "a bias too short": (lambda: mixture(bias=7), "bias 0"),
    "no parts": (lambda: sparsemax(torch.rand(5, 0)), "logits"),
    "a plane's points": (lambda: positional_encoding(torch.rand(5, 2), 3), "x"),
    "depths of other rays": (lambda: composite_weights(torch.rand(5), torch.rand(4), torch.zeros(5).long()), "length"),
    "rays in int32": (lambda: composite_weights(torch.rand(5), torch.rand(5), torch.zeros(5).int()), "ray"),
    "rays in float": (lambda: ray_sums(torch.rand(5, 2), torch.zeros(5), 1), "int64"),
    "a flat grid": (lambda: marched(occupied=(2, 2)), "occup"),
    "a grid of numbers": (lambda: marched(dtype=torch.float32), "bool"),
    "one direction": (lambda: marched(directions=1), "direction"),
    "a slot too few": (lambda: skinned(slot=torch.zeros(4).long()), "slot"),
    "slots in int32": (lambda: skinned(slot=torch.zeros(5).int()), "slot"),
    "volumes in int32": (lambda: skinned(volumes=torch.zeros(2, 8).int()), "volumes"),
    "maps of twelve": (lambda: skinned(maps=torch.rand(2, 4, 12)), "maps"),
    "points elsewhere": (lambda: hash_grid(torch.rand(5, 3, device="meta"), torch.rand(GRID.entries, 2), GRID), ""),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_named(case):
    call, named = MISFITS[case]
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        call()
    assert named in str(caught.value).splitlines()[0]
