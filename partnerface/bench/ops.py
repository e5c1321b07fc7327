"""The model's operations at the sizes of a training step, forward and backward."""

import functools
import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from partnerface.avatar.canonical import GEOMETRY, CanonicalField
from partnerface.avatar.methods import METHODS, part_sizes
from partnerface.avatar.model import BASE_RESOLUTION
from partnerface.avatar.motion import Motion
from partnerface.avatar.surface import Surface
from partnerface.bench.drawn import DISTANCE_M, drawn_head, drawn_motion
from partnerface.bench.machine import Ceilings, ceilings
from partnerface.bench.result import REFERENCE, Result, result, say, timed
from partnerface.bench.rows import OPS, Sizes
from partnerface.head.skinning import head_tensors
from partnerface.kernels import prepare
from partnerface.kernels.backend import forced, on_compute_device, used
from partnerface.kernels.composite import composite_weights, ray_sums
from partnerface.kernels.field import field_networks
from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.march import march, voxel
from partnerface.kernels.part_mixture import part_mixture

CONFIG = METHODS["partnerface"].avatar
WARM_UP = 6
#: Measurements of the reference, which takes many times as long.
REFERENCE_REPEATS = 3
#: Forward, and twice as much again backward: for the gradient of the input and for that of the weights.
BOTH_WAYS = 3
#: Samples of a ray that are left after empty space was dropped; frames that the samples of a step come from.
PER_RAY, FRAMES = 8, 16
#: How far off the surface samples lie, m.
OFF_SURFACE = 0.005
#: Bytes of a number.
FLOAT, LONG = 4, 8
#: Edge of the voxels that march looks at, and how far off the surface they are occupied, m and voxels.
VOXEL, ROOM = 0.004, 3


@dataclass
class Work:
    """An op and its inputs.

    Attributes:
        forward: the op; its outputs. inputs: those that it has gradients for.
        items: how many `unit`s it does.
        operations: floating-point operations forward and backward, or None where they were not counted.
        bytes: read and written at least, forward and backward, the same.
        ones: gradients of the outputs, once there are outputs.
    """

    forward: Callable[[], Sequence[Tensor]]
    inputs: Sequence[Tensor]
    items: int
    unit: str = "samples/s"
    operations: float | None = None
    bytes: float | None = None
    ones: list[Tensor] | None = None

    def call(self, forward: Callable[[], Sequence[Tensor]] | None = None) -> None:
        """Forward, and backward from gradients of 1; `forward`: another form of the op's."""
        out = list((forward or self.forward)())
        if self.inputs:
            if self.ones is None:
                self.ones = [torch.ones_like(one) for one in out]
            torch.autograd.grad(out, list(self.inputs), self.ones)


def ops(wanted: set[str], sizes: Sizes, repeats: int, compiled: bool) -> tuple[list[str], list[Result]]:
    """What was measured besides, in words, and the rows of those ops that are wanted; compiled: after torch.compile,
    too."""
    prepare()
    with on_compute_device():
        return _ops(wanted, sizes, repeats, compiled)


def _ops(wanted: set[str], sizes: Sizes, repeats: int, compiled: bool) -> tuple[list[str], list[Result]]:
    lines: list[str] = []
    found: list[Result] = []
    limits: Ceilings | None = None
    for name in [name for name in OPS if name in wanted]:
        torch.manual_seed(0)
        work = _WORK[name](sizes)
        say(f"{name}, {repeats} times")
        seconds = _measured(work.call, repeats)
        with forced(REFERENCE):
            plain_work = _WORK[name](sizes)
            plain = _measured(plain_work.call, min(repeats, REFERENCE_REPEATS))
        if limits is None:
            say("the machine's ceilings")
            limits = ceilings(repeats)
            lines += limits.told
        median = statistics.median(seconds)
        found.append(
            result(
                name, used(), seconds, work.items, work.unit,
                ratio_to_reference=statistics.median(plain) / median,
                fraction_of_peak=_share(work.operations, median, limits.operations),
                reference_s=statistics.median(plain),
                compiled_s=_compiled(name, plain_work, repeats) if compiled else None,
                operations_per_s=None if work.operations is None else work.operations / median,
                bytes_per_s=None if work.bytes is None else work.bytes / median,
                fraction_of_copy=_share(work.bytes, median, limits.bytes),
            )
        )  # fmt: skip
    return lines, found


def _share(amount: float | None, seconds: float, limit: float | None) -> float | None:
    return None if amount is None or limit is None else amount / seconds / limit


def _measured(call: Callable[[], object], repeats: int) -> list[float]:
    timed(call, WARM_UP)
    return timed(call, repeats)


def _compiled(name: str, work: Work, repeats: int) -> float | None:
    """Seconds of the reference after torch.compile; None where torch can't compile it."""
    say(f"{name}, compiled by torch")
    with forced(REFERENCE):
        try:
            forward = torch.compile(work.forward)
            return statistics.median(_measured(lambda: work.call(forward), min(repeats, REFERENCE_REPEATS)))
        except Exception as error:  # whatever torch's compiler raises
            say(f"{name}: torch.compile gave up ({str(error).splitlines()[0][:100]})")
            return None


def linear_operations(widths: Sequence[int]) -> int:
    """Multiplications and additions for one sample in a chain of linear layers: 2 a b in a layer from a to b."""
    return sum(2 * a * b for a, b in itertools.pairwise(widths))


def _spec() -> HashGridSpec:
    return HashGridSpec(CONFIG.levels, CONFIG.features, BASE_RESOLUTION, CONFIG.finest_resolution, CONFIG.log2_size)


def _random(samples: int, features: int) -> Tensor:
    """[samples, features], stored as the op before leaves them: feature by feature, or as torch does it."""
    return torch.randn(samples, features) if used() == REFERENCE else torch.randn(features, samples).t()


def field_mlp(sizes: Sizes) -> Work:
    """The networks of the canonical field: features → density and geometry; geometry and direction → colour."""
    spec, width = _spec(), CONFIG.field_width
    field = CanonicalField(spec, width, 0, torch.zeros(3), 1.0)
    features = _random(sizes.samples, spec.width).requires_grad_()
    direction = torch.nn.functional.normalize(_random(sizes.samples, 3), dim=1)
    inputs = [features, *field.geometry.parameters(), *field.colour.parameters()]

    def forward() -> list[Tensor]:
        return list(field_networks(features, direction, field.geometry, field.colour))

    sample = linear_operations([spec.width, width, 1 + GEOMETRY]) + linear_operations([GEOMETRY + 3, width, width, 3])
    return Work(forward, inputs, sizes.samples, operations=BOTH_WAYS * sample * sizes.samples)


def mixture(sizes: Sizes) -> Work:
    """The local deformation networks of the default method and their blend."""
    parts = CONFIG.parts
    encoded = 3 + 6 * CONFIG.part_frequencies
    widths = part_sizes(encoded, CONFIG.code_size, CONFIG.part_width, CONFIG.part_layers, CONFIG.blendshapes)
    features = _random(sizes.samples, widths[0]).requires_grad_()
    weights = torch.softmax(_random(sizes.samples, parts), dim=1).requires_grad_()
    layers = [
        ((torch.randn(parts, a, b) / a**0.5).requires_grad_(), torch.zeros(parts, b).requires_grad_())
        for a, b in itertools.pairwise(widths)
    ]
    inputs = [features, weights, *(tensor for pair in layers for tensor in pair)]
    amounts, slot = _random(FRAMES, 1 + CONFIG.code_size), torch.arange(sizes.samples) * FRAMES // max(sizes.samples, 1)
    sample = parts * (linear_operations(widths) + 2 * widths[-1])
    return Work(
        lambda: [part_mixture(features, weights, layers, amounts=amounts, slot=slot)],
        inputs,
        sizes.samples,
        operations=BOTH_WAYS * sample * sizes.samples,
    )


def grid(sizes: Sizes) -> Work:
    """Points all over the cube, which is harder on a processor's caches than those on a head."""
    spec = _spec()
    points = torch.rand(sizes.samples, 3).requires_grad_()
    entries = torch.randn(spec.entries, spec.features).requires_grad_()
    # Eight rows of each level are read forward and for the points' gradient, and read and written for the table's.
    corners, row = 8 * spec.levels, FLOAT * spec.features
    each = 4 * corners * row + FLOAT * (2 * spec.width + 3 * 3)
    return Work(
        lambda: [hash_grid(points, entries, spec)], [points, entries], sizes.samples, bytes=each * sizes.samples
    )


def composite(sizes: Sizes) -> Work:
    """Weights of the samples and the colours of their rays."""
    rays = max(1, sizes.samples // PER_RAY)
    ray = torch.arange(rays).repeat_interleave(PER_RAY)
    density = (200 * torch.rand(len(ray))).requires_grad_()
    colour, length = torch.rand(len(ray), 3).requires_grad_(), torch.full((len(ray),), sizes.step_mm / 1000)

    def forward() -> list[Tensor]:
        return [ray_sums(composite_weights(density, length, ray)[:, None] * colour, ray, rays)]

    # Densities, lengths, rays, weights and colours once forward and once back, and the gradients of two of them.
    each = 2 * (3 * FLOAT + LONG + 3 * FLOAT) + 4 * FLOAT
    return Work(forward, [density, colour], len(ray), bytes=each * len(ray))


@functools.cache
def _surface() -> Surface:
    head = drawn_head()
    return Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), CONFIG.jaw_open)


def marching(sizes: Sizes) -> Work:
    """Rays from the camera to somewhere on the head, in a shell of occupied voxels around it."""
    surface = _surface()
    box, canonical = surface.box, surface.canonical
    resolution = box.grid(VOXEL)
    occupied = torch.zeros(resolution).view(-1)
    occupied[voxel(canonical, box.low, box.high, resolution)] = 1
    shell = torch.nn.functional.max_pool3d(occupied.view(1, 1, *resolution), 2 * ROOM + 1, stride=1, padding=ROOM)
    origin = torch.tensor([0.0, 0.0, DISTANCE_M]).expand(sizes.rays, 3)
    aim = canonical[torch.randint(len(canonical), (sizes.rays,))]
    direction = torch.nn.functional.normalize(aim - origin, dim=1)
    jitter, live, step = torch.rand(sizes.rays), shell[0, 0] > 0, sizes.step_mm / 1000
    return Work(lambda: march(origin, direction, live, box.low, box.high, step, jitter), [], sizes.rays, "rays/s")


def skinning(sizes: Sizes) -> Work:
    """Samples around the posed surfaces of some frames."""
    surface = _surface()
    frames = surface.frames(Motion.from_arrays(drawn_motion(FRAMES)))
    slot = torch.randint(FRAMES, (sizes.samples,)).sort().values
    vertex = torch.randint(frames.vertices.shape[1], (sizes.samples,))
    points = (frames.vertices[slot, vertex] + OFF_SURFACE * torch.randn(sizes.samples, 3)).requires_grad_()
    # A patch of vertices, a ring of vertices and their maps; in and out, and the map's linear part for the way back.
    near = surface.patch.shape[1] * 3 + surface.ring.shape[1] * (3 + 16)
    each = FLOAT * (near + 3 + 3 + 2 + 2 * 9 + 3 + 3) + LONG
    return Work(
        lambda: surface.to_canonical(points, slot, frames)[:1], [points], sizes.samples, bytes=each * sizes.samples
    )


_WORK: dict[str, Callable[[Sizes], Work]] = {
    "field_mlp": field_mlp,
    "part_mixture": mixture,
    "hash_grid": grid,
    "composite": composite,
    "march": marching,
    "inverse_skinning": skinning,
}
