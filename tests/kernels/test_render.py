"""Pictures in one call against the same put together from the reference's ops."""

import dataclasses
import functools

import pytest
import torch
from torch import Tensor

from partnerface.avatar import model
from partnerface.avatar.deformation import partition
from partnerface.avatar.methods import METHODS, WEIGHTINGS, AvatarConfig
from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.surface import Surface
from partnerface.head.skinning import head_tensors
from partnerface.kernels.backend import forced, wanted
from partnerface.kernels.hash_grid import HashGridSpec
from partnerface.kernels.library import UnavailableError, cpu_library
from partnerface.kernels.render import PosedField, Scene, render, serves
from tests.avatar.toy import camera, toy_head, toy_motion
from tests.kernels.scenes import LOW, layers, random_scene, rays

CONFIGS = {
    **{name: method.avatar for name, method in METHODS.items() if method.avatar.weighting == "sparsemax"},
    "conditioned parts": AvatarConfig(parts=5, condition_field=True),
    "parts without skinning": AvatarConfig(skinning=False),
    "parts that attend": AvatarConfig(attention=True),
    "networks that see the code and attend": AvatarConfig(blendshapes=False, attention=True),
    "shoulders": AvatarConfig(shoulders=True),
    "many shallow parts": AvatarConfig(parts=17, part_width=9, part_layers=1, part_frequencies=0),
    "odd widths": AvatarConfig(parts=3, part_width=33, part_layers=4, field_width=37, levels=5, features=4),
}
STEP, SIZE, BEHIND = 0.006, (33, 37), torch.tensor([0.2, 0.9, 0.4])
#: What matrix units round in a displacement the finest grid makes much of.
TOLERANCE = {"amx": 2e-3}
ROUNDING = 2e-5


@functools.cache
def drawn(config: AvatarConfig) -> tuple[Avatar, Motion]:
    """An avatar whose parts and field have something to say, and a frame."""
    torch.manual_seed(0)
    head, motion = toy_head(), Motion.from_arrays(toy_motion(8))
    surface = Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), 0.2)
    whitenings = Whitening.fit(motion.face_features(), 8), Whitening.fit(motion.pose_features(), 6, share=1.0)
    hull = torch.cdist(surface.box.centres(surface.resolution), surface.canonical).amin(1) < 0.02
    centres = partition(surface.canonical, torch.ones(len(surface.canonical)), max(config.parts, 1))
    avatar = Avatar(config, surface, *whitenings, hull.view(surface.resolution), centres)
    with torch.no_grad():
        avatar.field.table.uniform_(-0.5, 0.5)
        if not config.skinning:
            # Nor is there a surface that makes it dense.
            avatar.field.geometry.get_parameter("2.bias")[0] += 2
        if avatar.deformation is not None:
            avatar.deformation.weights[-1].normal_(0, 0.3)
            avatar.deformation.biases[-1].normal_(0, 0.3)
            if config.attention:
                avatar.deformation.attention.uniform_(0, 1)
    # Canonical space has holes.
    avatar.occupancy.live &= torch.rand(avatar.occupancy.live.shape) < 0.9
    return avatar, motion.take([3])


def view(avatar: Avatar, motion: Motion, size: tuple[int, int]) -> Tensor:
    """K of a picture that the middle of the head fills."""
    middle = motion.pose(avatar.surface.head, avatar.surface.shape).vertices[0].mean(0)
    k = 2 * camera(max(size))
    k[2, 2], k[:2, 2] = 1, torch.tensor([size[1] / 2, size[0] / 2]) - k[0, 0] * middle[:2] / middle[2]
    return k


def picture(avatar: Avatar, motion: Motion, size: tuple[int, int] = SIZE, backend: str = "cpu") -> list[Tensor]:
    """Colours and opacities."""
    with forced(backend):
        return list(avatar.image(motion, view(avatar, motion, size), *size, BEHIND, STEP))


@functools.cache
def expected(name: str, opaque: float, faint: float) -> list[Tensor]:
    """The reference's picture, with model.OPAQUE and model.FAINT as they are now."""
    return picture(*drawn(CONFIGS[name]), backend="reference")


@pytest.fixture
def to_the_end(monkeypatch):
    """Rays pass through everything, and faint samples count."""
    monkeypatch.setattr(model, "OPAQUE", 2.0)
    monkeypatch.setattr(model, "FAINT", 0.0)


@pytest.fixture
def one_call(monkeypatch):
    """Fails where the kernels' picture is put together from single ops."""
    put_together = Avatar._front_to_back

    def front_to_back(*given):
        assert wanted() == "reference"
        return put_together(*given)

    monkeypatch.setattr(Avatar, "_front_to_back", front_to_back)


def close(found: list[Tensor], expected: list[Tensor], within: float) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=within)


@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_reference(name, isa, to_the_end, one_call):
    theirs = expected(name, model.OPAQUE, model.FAINT)
    assert 0.3 < float(theirs[1].mean()) < 0.95
    close(picture(*drawn(CONFIGS[name])), theirs, TOLERANCE.get(isa, ROUNDING))


@pytest.mark.parametrize("size", [(1, 1), (1, 65), (70, 3)])
def test_sizes(size, isa, to_the_end, one_call):
    avatar, motion = drawn(AvatarConfig())
    found = picture(avatar, motion, size)
    assert found[0].shape == (*size, 3)
    assert found[1].shape == size
    assert float(found[1].max()) > 0.5
    close(found, rendered(avatar, motion, size), TOLERANCE.get(isa, ROUNDING))


def rendered(avatar: Avatar, motion: Motion, size: tuple[int, int]) -> list[Tensor]:
    """The same by the path that is trained."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels, slot = torch.stack([x.reshape(-1), y.reshape(-1)], 1), torch.zeros(height * width, dtype=torch.int64)
    k = view(avatar, motion, size)[None]
    with forced("reference"), torch.no_grad():
        seen = avatar.render(pixels, slot, k, avatar.conditions(motion), BEHIND, STEP)
    return [seen.colour.clamp(0, 1).view(height, width, 3), seen.opacity.view(height, width)]


def test_ends_within_what_is_left_of_an_opaque_ray(isa, monkeypatch):
    # Rays in a fog that is dense enough.
    monkeypatch.setattr(model, "OPAQUE", 0.6)
    theirs, mine = expected("conditioned", model.OPAQUE, model.FAINT), picture(*drawn(CONFIGS["conditioned"]))
    assert float((theirs[1] > model.OPAQUE).float().mean()) > 0.3
    assert not torch.equal(*(one[1] for one in (theirs, mine)))
    close(mine, theirs, 1 - model.OPAQUE)


def test_number_of_threads_is_not_seen(isa):
    avatar, motion = drawn(AvatarConfig())
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(picture(avatar, motion, (70, 75)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize("grid", ["reachable", "live"])
def test_nothing_is_there(grid, isa, one_call, monkeypatch):
    avatar, motion = drawn(AvatarConfig())
    monkeypatch.setattr(avatar.occupancy, grid, torch.zeros_like(avatar.occupancy.live))
    colour, opacity = picture(avatar, motion)
    assert (opacity == 0).all()
    assert (colour == BEHIND).all()


def test_all_rays_miss(isa, one_call):
    avatar, motion = drawn(AvatarConfig())
    with forced("cpu"):
        # The head stands 0.6 m before the camera, and this looks past it.
        colour, opacity = avatar.image(motion, camera(20) + torch.eye(3) * 2000, 5, 7, BEHIND, STEP)
    assert (opacity == 0).all()
    assert (colour == BEHIND).all()


@pytest.mark.parametrize(
    "config",
    [
        AvatarConfig(features=3),
        AvatarConfig(parts=2, part_layers=9),
        *(AvatarConfig(weighting=weighting) for weighting in WEIGHTINGS if weighting != "sparsemax"),
    ],
)
def test_what_it_can_not_hold_is_put_together(config, isa, to_the_end):
    avatar, motion = drawn(config)
    with forced("cpu"):
        scene = avatar._scene(avatar.conditions(motion), STEP)
        assert scene is None or not serves(scene)
    theirs = picture(avatar, motion, backend="reference")
    close(picture(avatar, motion), theirs, TOLERANCE.get(isa, ROUNDING))


def fog() -> Scene:
    """The unit cube full of samples that let half of the light through, four on a ray; grey."""
    spec = HashGridSpec(levels=1, features=1, base_resolution=1, finest_resolution=1, log2_size=3)
    dense = torch.log(torch.log(torch.tensor(2.0)) / 0.25)
    geometry = [(torch.zeros(1, 1, 2), torch.tensor([[dense, 0.0]]))]
    colour = [(torch.zeros(1, 4, 3), torch.zeros(1, 3))]
    field = PosedField(LOW, 1.0, spec, torch.zeros(8, 1), geometry, colour, 0.0, 1.0)
    whole = torch.ones(2, 2, 2, dtype=torch.bool)
    return dataclasses.replace(random_scene(False, 0, field, 0.25), reachable=whole, live=whole)


@pytest.mark.parametrize(
    ("opaque", "faint", "opacity"),
    [
        (2.0, 0.0, 1 / 2 + 1 / 4 + 1 / 8 + 1 / 16),
        # The second sample makes the ray opaque.
        (0.7, 0.0, 1 / 2 + 1 / 4),
        # The fourth has too little weight.
        (2.0, 0.1, 1 / 2 + 1 / 4 + 1 / 8),
        # Nor is anything seen behind what is left out.
        (2.0, 0.6, 0.0),
    ],
)
def test_hand_worked_ray(opaque, faint, opacity, isa):
    origin, direction = torch.tensor([[0.5, 0.5, -1.0], [0.5, 3.0, -1.0]]), torch.tensor([[0.0, 0.0, 1.0]] * 2)
    with forced("cpu"):
        colours, opacities = render(fog(), origin, direction, (2, 1), opaque, faint)
    assert opacities.tolist() == pytest.approx([opacity, 0.0])
    assert colours.tolist() == [pytest.approx([opacity / 2] * 3), [0.0] * 3]


def test_no_rays(isa):
    with forced("cpu"):
        colours, opacities = render(fog(), torch.zeros(0, 3), torch.zeros(0, 3), (0, 7), 0.9)
    assert colours.shape == (0, 3)
    assert opacities.shape == (0,)


def test_no_number_stays_none(isa):
    scene = fog()
    scene.field.colour[0][1][0, 1] = torch.nan
    origin, direction = torch.tensor([[0.5, 0.5, -1.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    with forced("cpu"):
        assert render(scene, origin, direction, (1, 1), 2.0)[0].isnan().tolist() == [[False, True, False]]
        scene.field.geometry[0][1][0, 0] = torch.nan
        assert render(scene, origin, direction, (1, 1), 2.0)[1].isnan().all()


def test_the_reference_and_other_devices_are_not_served(isa):
    scene = random_scene()
    for backend, served in (("reference", False), ("cpu", True)):
        with forced(backend):
            assert serves(scene) is served
    assert not serves(dataclasses.replace(scene, low=scene.low.to("meta")))


def changed(scene: Scene, what: str, **values) -> Scene:
    return dataclasses.replace(scene, **{what: dataclasses.replace(getattr(scene, what), **values)})


#: What is changed of a scene and its rays.
MISFITS = {
    "a pixel too few": (lambda s, o, d: (s, o[1:], d[1:]), "origin"),
    "one direction": (lambda s, o, d: (s, o, d[:1]), "direction"),
    "rays in double": (lambda s, o, d: (s, o.double(), d), "float32"),
    "rays elsewhere": (lambda s, o, d: (s, o, d.to("meta")), "cpu"),
    "a flat grid": (lambda s, o, d: (dataclasses.replace(s, reachable=s.reachable[0]), o, d), "occupied"),
    "grids of two sizes": (lambda s, o, d: (dataclasses.replace(s, live=s.live[1:]), o, d), "live"),
    "a grid of numbers": (lambda s, o, d: (dataclasses.replace(s, live=s.live.float()), o, d), "bool"),
    "maps of twelve": (lambda s, o, d: (changed(s, "skin", maps=s.skin.maps[..., :12]), o, d), "maps"),
    "volumes in int32": (lambda s, o, d: (changed(s, "skin", volume=s.skin.volume.int()), o, d), "int16"),
    "two frames": (lambda s, o, d: (changed(s, "skin", vertices=torch.rand(2, 50, 3)), o, d), "maps"),
    "a table too short": (lambda s, o, d: (changed(s, "field", table=s.field.table[1:]), o, d), "table"),
    "octaves too few": (lambda s, o, d: (changed(s, "deformation", octaves=3), o, d), "assigner"),
    "a part too few": (lambda s, o, d: (changed(s, "deformation", assigner=layers(1, 27, 2)), o, d), "assigner"),
    "a colour of two": (lambda s, o, d: (changed(s, "field", colour=layers(1, 11, 2)), o, d), "colour"),
    "features too many": (lambda s, o, d: (changed(s, "field", geometry=layers(1, 7, 9)), o, d), "geometry"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_named(case):
    try:
        cpu_library()
    except UnavailableError as reason:
        pytest.skip(str(reason))
    change, named = MISFITS[case]
    scene, origin, direction = change(random_scene(), *rays(16))
    with pytest.raises((TypeError, ValueError)) as caught:
        render(scene, origin, direction, (4, 4), 0.9)
    assert named in str(caught.value).splitlines()[0]
