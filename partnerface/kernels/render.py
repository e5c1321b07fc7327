"""Pictures in one call: rays to colours without autograd, everything between them in the caches.

It computes what `Avatar.image` (avatar/model.py) puts together from the other ops where this one can't serve: on other
devices than a CPU, without compiled kernels, and for sizes that they can't hold. That path, on the reference, is the
oracle of the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from partnerface.kernels.backend import kernels, library
from partnerface.kernels.hash_grid import FEATURES, MAX_LEVELS, HashGridSpec
from partnerface.kernels.inverse_skinning import MAX_RING
from partnerface.kernels.march import bounds
from partnerface.kernels.part_mixture import MAX_LAYERS
from partnerface.kernels.reference import hash_grid, inverse_skinning, march, part_mixture

DEVICES = ("cpu",)
#: A weight [K, D_in, D_out] and a bias [K, D_out] for each layer, ReLU between them; K is 1 but for the parts.
Layers = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class PosedSkin:
    """A posed frame; see `inverse_skinning`.

    Attributes:
        vertices: [1, V, 3] m. maps: [1, V, 16]. volume: [1, X * Y * Z] int16. patch: [A, P] and ring: [V, M] int32.
        resolution: of the volume. radius, reach: m.
    """

    vertices: Tensor
    maps: Tensor
    volume: Tensor
    patch: Tensor
    ring: Tensor
    resolution: tuple[int, int, int]
    radius: float
    reach: tuple[float, float]


@dataclass(frozen=True)
class PosedDeformation:
    """A deformation field for one expression code, which its biases have taken in.

    Attributes:
        octaves: of the positional encoding. middle: [3] and extent, m: what scales points for it.
        scale: displacement at an output of 1, m. bound: parts that weigh at most this do not count.
        assigner: layers to K logits. parts: layers of the K local networks, from the encoding to a displacement.
    """

    octaves: int
    middle: Tensor
    extent: float
    scale: float
    bound: float
    assigner: Layers
    parts: Layers


@dataclass(frozen=True)
class PosedField:
    """A radiance field for one expression code, which its biases have taken in.

    Attributes:
        low: [3] corner and edge of the grid's cube, m. spec, table: the grid.
        geometry: layers to the logarithm of the density (1/m) and features.
        colour: layers from these and the view direction to the logits of a colour.
        rise: how much the logarithm of the density rises from outside to inside the surface.
        width: within about this it does, m.
    """

    low: Tensor
    edge: float
    spec: HashGridSpec
    table: Tensor
    geometry: Layers
    colour: Layers
    rise: float
    width: float


@dataclass(frozen=True)
class Scene:
    """One frame of an avatar.

    Attributes:
        reachable: [X, Y, Z] bool, where rays are sampled, in the rigid frame. live: the same in canonical space.
        low, high: [3] corners of both, and of the skin's volume, m.
        step: distance of two samples on a ray, m.
        skin: None where samples stay where they are. deformation: None for none.
    """

    reachable: Tensor
    live: Tensor
    low: Tensor
    high: Tensor
    step: float
    skin: PosedSkin | None
    deformation: PosedDeformation | None
    field: PosedField


def serves(scene: Scene) -> bool:
    """Whether `render` can: there are kernels, and they hold networks and grids of these sizes."""
    networks = [scene.field.geometry, scene.field.colour]
    if scene.deformation is not None:
        networks += [scene.deformation.assigner, scene.deformation.parts]
    return (
        scene.low.device.type in DEVICES
        and library(scene.low.device) is not None
        and max(map(len, networks)) <= MAX_LAYERS
        and scene.field.spec.features in FEATURES
        and scene.field.spec.levels <= MAX_LEVELS
        and (scene.skin is None or scene.skin.ring.shape[1] <= MAX_RING)
    )


@torch.no_grad()
def render(
    scene: Scene, origin: Tensor, direction: Tensor, size: tuple[int, int], opaque: float, faint: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Colours of rays, which are composited sample by sample from front to back.

    Args:
        scene: which `serves`.
        origin, direction: [H * W, 3] in the head's rigid frame (m; unit), row by row of the picture.
        size: H, W; neighbours are worked on together.
        opaque: a ray ends with the first sample after which its opacity is at least this, so that what is missing is
            less than 1 - opaque.
        faint: samples whose compositing weight is at most this are left out, as if there were nothing.

    Returns:
        [H * W, 3] sRGB times opacity, and [H * W] opacity. The same bits for any number of threads.

    Raises:
        ValueError, TypeError: a shape, dtype or device does not fit.
    """
    _check(scene, origin, direction, size)
    colours, opacities = origin.new_empty(len(origin), 3), origin.new_empty(len(origin))
    box, inner = torch.stack([scene.low, scene.high]), torch.stack(bounds(scene.reachable, scene.low, scene.high))
    signature, values = _signed(
        ("ff", (origin.contiguous(), direction.contiguous())),
        ("nn", size),
        ("bb", (scene.reachable.contiguous(), scene.live.contiguous())),
        ("nnn", tuple(scene.reachable.shape)),
        ("ffx", (box, inner, scene.step)),
        _of_skin(scene.skin),
        *_of_deformation(scene.deformation),
        *_of_field(scene.field),
        ("xxff", (opaque, faint, colours, opacities)),
    )
    kernels(origin.device).call("render", signature, *values)
    return colours, opacities


def _signed(*groups: tuple[str, Sequence]) -> tuple[str, list]:
    """Signature and values of groups of arguments."""
    return "".join(letters for letters, _ in groups), [value for _, values in groups for value in values]


def _of_skin(skin: PosedSkin | None) -> tuple[str, Sequence]:
    letters = "ffsiinnnnnnxxx"
    if skin is None:
        return letters, (None,) * 5 + (0,) * 6 + (0.0,) * 3
    tables = (skin.vertices, skin.maps, skin.volume, skin.patch, skin.ring)
    sizes = (skin.vertices.shape[1], skin.patch.shape[1], skin.ring.shape[1])
    return letters, (*(table.contiguous() for table in tables), *sizes, *skin.resolution, skin.radius, *skin.reach)


def _of_networks(layers: Layers) -> tuple[str, Sequence]:
    widths = [layers[0][0].shape[1], *(weight.shape[2] for weight, _ in layers)] if layers else []
    return "nNF", (len(layers), widths, [tensor.contiguous() for pair in layers for tensor in pair])


def _of_deformation(deformation: PosedDeformation | None) -> list[tuple[str, Sequence]]:
    if deformation is None:
        return [("nfxxx", (0, None, 1.0, 0.0, 0.0)), _of_networks([]), ("n", (0,)), _of_networks([])]
    numbers = (deformation.extent, deformation.scale, deformation.bound)
    return [
        ("nfxxx", (deformation.octaves, deformation.middle.contiguous(), *numbers)),
        _of_networks(deformation.assigner),
        ("n", (deformation.parts[0][0].shape[0],)),
        _of_networks(deformation.parts),
    ]


def _of_field(field: PosedField) -> list[tuple[str, Sequence]]:
    spec = field.spec
    return [
        ("fx", (field.low.contiguous(), field.edge)),
        ("nnnNf", (spec.features, spec.levels, spec.log2_size, spec.resolutions, field.table.contiguous())),
        _of_networks(field.geometry),
        _of_networks(field.colour),
        ("xx", (field.rise, field.width)),
    ]


def _check(scene: Scene, origin: Tensor, direction: Tensor, size: tuple[int, int]) -> None:
    """Raise ValueError where a shape does not fit, TypeError where a dtype does not."""
    march.check(origin, direction, scene.reachable, None)
    if len(origin) != size[0] * size[1]:
        raise ValueError(f"origin must have the shape [{size[0]} * {size[1]}, 3], not {list(origin.shape)}")
    if scene.live.shape != scene.reachable.shape:
        raise ValueError(
            f"live must have reachable's shape {list(scene.reachable.shape)}, not {list(scene.live.shape)}"
        )
    if (skin := scene.skin) is not None:
        slot = torch.zeros(0, dtype=torch.int64)
        tables = (skin.vertices, skin.maps, skin.volume, skin.patch, skin.ring)
        inverse_skinning.check(origin[:0], slot, *tables, skin.resolution)
    field, encoded = scene.field, None
    hash_grid.check(origin[:0], field.table, field.spec)
    if (deformation := scene.deformation) is not None:
        encoded = 3 + 6 * deformation.octaves
        count = deformation.parts[0][0].shape[0]
        _check_network("the assigner", deformation.assigner, 1, encoded, count)
        _check_network("the parts", deformation.parts, count, encoded, 3)
    passed = field.geometry[-1][0].shape[2] - 1
    _check_network("geometry", field.geometry, 1, field.spec.width, passed + 1)
    _check_network("colour", field.colour, 1, passed + 3, 3)


def _check_network(name: str, layers: Layers, parts: int, inputs: int, outputs: int) -> None:
    try:
        weights = layers[0][0].new_zeros(0, parts)
        part_mixture.check(layers[0][0].new_zeros(0, inputs), weights, layers)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if layers[-1][0].shape[2] != outputs:
        raise ValueError(f"{name} must have {outputs} outputs, not {layers[-1][0].shape[2]}")


def linear_layers(network: nn.Sequential) -> Layers:
    """The layers of one network."""
    return [(layer.weight.t()[None], layer.bias[None]) for layer in network if isinstance(layer, nn.Linear)]


def with_code(weight: Tensor, bias: Tensor, code: Tensor, at: int) -> tuple[Tensor, Tensor]:
    """A layer whose inputs from `at` on are the same for all samples: they are taken into the bias.

    Args:
        weight: [K, D_in, D_out]. bias: [K, D_out]. code: [D_in - at - rest].

    Returns:
        A weight [K, D_in - len(code), D_out] and a bias [K, D_out].
    """
    end = at + len(code)
    taken = torch.cat([weight[:, :at], weight[:, end:]], dim=1)
    return taken, bias + (code @ weight[:, at:end] if len(code) else 0)
