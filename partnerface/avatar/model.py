"""The avatar: rays of a posed head to colours, through inverse skinning, deformation and the canonical field."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from partnerface.avatar.canonical import CanonicalField
from partnerface.avatar.conditions import Conditions
from partnerface.avatar.deformation import PartDeformation
from partnerface.avatar.methods import AvatarConfig
from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.occupancy import Occupancy
from partnerface.avatar.shoulders import Shoulders, on_layer
from partnerface.avatar.surface import Surface
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.kernels.columns import columns
from partnerface.kernels.composite import composite_weights, ray_spread, ray_sums
from partnerface.kernels.hash_grid import HashGridSpec
from partnerface.kernels.march import march
from partnerface.kernels.render import Scene, render, serves

BASE_RESOLUTION = 16
SHOULDER_LEVELS = 8
#: Rendering without gradients ends a ray at this opacity, and leaves out samples of at most this compositing weight.
OPAQUE, FAINT = 0.995, 1e-4
#: Where it is put together from single ops, these take so many places of each ray at a time.
SLAB = 6
#: A calibration weight of 1 turns the head by this much (radians) and moves it by this much (metres).
CALIBRATION_SCALE = (0.01, 0.01, 0.01, 0.001, 0.001, 0.001)
#: Beyond so many standard deviations of what training saw the correction grows no more: a line drawn on turns the head
#: of an unseen pose by degrees.
CALIBRATION_REACH = 2.0


@dataclass
class Rendering:
    """R rays and the M samples behind them.

    Attributes:
        colour: [R, 3] sRGB over the background. opacity: [R]. head: [R] the opacity of the head alone.
        spread: [R] variance of the depth along the ray, m^2.
        adrift: [R] mean distance of what is seen from the head model's surface, m (0 without skinning).
        ray: [M] whose sample it is, ascending. weight: [M] compositing weights.
        points, canonical: [M, 3] in the rigid frame and in canonical space, m.
        displacement: [M, 3] by the deformation field, m; None without parts. logits: [M, K] of the part assigner; None
            without one.
    """

    colour: Tensor
    opacity: Tensor
    head: Tensor
    spread: Tensor
    adrift: Tensor
    ray: Tensor
    weight: Tensor
    points: Tensor
    canonical: Tensor
    displacement: Tensor | None
    logits: Tensor | None


@dataclass
class _March:
    """R rays (origin, direction [R, 3] in the rigid frame) and the M places on them: ray [M] in order, distance [M]."""

    origin: Tensor
    direction: Tensor
    ray: Tensor
    distance: Tensor

    def take(self, index: Tensor) -> "_March":
        return _March(self.origin, self.direction, self.ray[index], self.distance[index])


@dataclass
class _Samples:
    """M packed samples: ray [M] in order, distance [M] along it, reach and height [M] off and over the head model's
    surface, points, canonical, direction [M, 3], slot [M]."""

    ray: Tensor
    distance: Tensor
    reach: Tensor
    height: Tensor
    points: Tensor
    canonical: Tensor
    direction: Tensor
    slot: Tensor


def _on_plane(pixels: Tensor, slot: Tensor, camera: Tensor) -> Tensor:
    """x / z and y / z [R, 2] of the rays of pixels [R, 2] of frames `slot` with K [B, 3, 3]."""
    each = camera if len(camera) == 1 else camera[slot]
    return (pixels - each[:, :2, 2]) / each.diagonal(dim1=1, dim2=2)[:, :2]


class Avatar(nn.Module):
    """A trained or trainable head.

    Args:
        config: what it is made of.
        surface: the subject's head.
        expression, pose: whitening of the expression and of the pose features over the training frames.
        hull: [X, Y, Z] bool, where rays are sampled.
        centres: [K, 3] where the parts stand at first, canonical, m.
    """

    def __init__(
        self,
        config: AvatarConfig,
        surface: Surface,
        expression: Whitening,
        pose: Whitening,
        hull: Tensor,
        centres: Tensor,
    ):
        super().__init__()
        self.config, self.surface = config, surface
        self.expression, self.pose = expression, pose
        box = surface.box
        edge = float((box.high - box.low).max())
        code_size = expression.matrix.shape[1]
        spec = HashGridSpec(config.levels, config.features, BASE_RESOLUTION, config.finest_resolution, config.log2_size)
        self.occupancy = Occupancy(box, hull)
        self.field = CanonicalField(spec, config.field_width, code_size if config.condition_field else 0, box.low, edge)
        self.deformation = None
        if config.parts:
            self.deformation = PartDeformation(
                centres,
                config.weighting,
                config.blendshapes,
                code_size,
                config.part_width,
                config.part_layers,
                config.part_frequencies,
                config.deformation_scale,
                (box.low + box.high) / 2,
                edge / 2,
            )
        self.shoulders = None
        if config.shoulders:
            flat = HashGridSpec(
                SHOULDER_LEVELS, config.features, BASE_RESOLUTION, config.finest_resolution, config.log2_size
            )
            self.shoulders = Shoulders(pose.matrix.shape[1], flat, config.field_width)
        self.calibration = None
        if config.calibrate_pose:
            self.calibration = nn.Linear(pose.matrix.shape[1] + code_size, 6, bias=False)
            nn.init.zeros_(self.calibration.weight)

    def conditions(self, motion: Motion, noise: Tensor | None = None) -> Conditions:
        """Pose the head and compute the codes of a motion's frames; `noise` [B, C] is added to the codes."""
        code = self.expression(motion.face_features())
        pose = self.pose(motion.pose_features())
        if self.calibration is None:
            correction = code.new_zeros(len(motion), 6)
        else:
            features = torch.cat([pose, code], dim=1).clamp(-CALIBRATION_REACH, CALIBRATION_REACH)
            correction = self.calibration(features) * code.new_tensor(CALIBRATION_SCALE)
        return Conditions(
            self.surface.frames(motion),
            code if noise is None else code + noise,
            correction,
            pose,
            self.surface.foot(motion),
        )

    def rays(self, pixels: Tensor, slot: Tensor, camera: Tensor, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """Origins and unit directions [R, 3] in the head's rigid frame of pixels [R, 2] (x, y) of frames `slot` [R]."""
        plane = _on_plane(pixels, slot, camera)
        direction = nn.functional.normalize(torch.cat([plane, torch.ones_like(plane[:, :1])], dim=1), dim=1)
        rotation, translation = conditions.frames.rotation, conditions.frames.translation
        turn = axis_angle_to_matrix(conditions.correction[:, :3])
        # rigid frame → camera is R, t; the correction comes first: x_camera = R (turn x + move) + t.
        move = conditions.correction[:, 3:]
        whole = rotation @ turn
        origin = ((-(rotation.transpose(1, 2) @ translation[..., None])[..., 0] - move)[:, None] @ turn)[:, 0]
        if len(whole) == 1:
            return origin.expand_as(direction), direction @ whole[0]
        return origin[slot], (direction[:, None] @ whole[slot])[:, 0]

    def render(
        self,
        pixels: Tensor,
        slot: Tensor,
        camera: Tensor,
        conditions: Conditions,
        background: Tensor,
        step: float,
        jitter: Tensor | None = None,
        hard: bool = False,
    ) -> Rendering:
        """Colours of pixels.

        Args:
            pixels: [R, 2] x, y of the pixel (centres at +0.5).
            slot: [R] int64, which of the conditions' frames each belongs to.
            camera: [B, 3, 3] K of the conditions' frames.
            conditions: from `conditions`.
            background: [3] or [R, 3] sRGB.
            step: distance of two samples, m.
            jitter: [R] in [0, 1) or None.
            hard: weigh the parts by the fixed partition (the warm-up).

        Returns:
            The rendering, differentiable in all parameters.
        """
        samples = self._place(self._march(pixels, slot, camera, conditions, step, jitter), slot, conditions)
        ray, count = samples.ray, len(pixels)
        density, colour, displacement, logits = self._field(samples, conditions, hard)
        weight = composite_weights(density, torch.full_like(density, step), ray)
        seen = columns(torch.ones_like(weight)[:, None], samples.distance[:, None], samples.reach[:, None], colour)
        sums = ray_sums(weight[:, None] * seen, ray, count)
        opacity = sums[:, 0]
        behind, whole = self._behind(pixels, slot, camera, conditions, background, opacity)
        picture = sums[:, 3:] + (1 - opacity)[:, None] * behind
        mean = sums[:, 1] / opacity.clamp(min=1e-4)
        spread = ray_sums(weight * (samples.distance - ray_spread(mean, ray)).square(), ray, count)
        return Rendering(
            picture,
            whole,
            opacity,
            spread,
            sums[:, 2],
            ray,
            weight,
            samples.points,
            samples.canonical,
            displacement,
            logits,
        )

    def _behind(
        self, pixels: Tensor, slot: Tensor, camera: Tensor, conditions: Conditions, background: Tensor, head: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What shows behind the head, [R, 3] or [3], and the opacity [R] of the head and what is behind it together."""
        if self.shoulders is None:
            return background, head
        plane, foot = _on_plane(pixels, slot, camera), conditions.foot[slot]
        if conditions.view is not None:
            plane = on_layer(plane, foot[:, 2], conditions.view)
        colour, opacity = self.shoulders(plane, foot, conditions.pose[slot])
        return opacity[:, None] * colour + (1 - opacity)[:, None] * background, 1 - (1 - head) * (1 - opacity)

    def _march(
        self, pixels: Tensor, slot: Tensor, camera: Tensor, conditions: Conditions, step: float, jitter: Tensor | None
    ) -> "_March":
        """The places on rays where the rigid grid is live."""
        origin, direction = self.rays(pixels, slot, camera, conditions)
        box = self.occupancy.box
        with torch.no_grad():
            ray, distance = march(
                origin.detach(), direction.detach(), self.occupancy.reachable, box.low, box.high, step, jitter
            )
        return _March(origin, direction, ray, distance)

    def _place(self, marched: "_March", slot: Tensor, conditions: Conditions) -> "_Samples":
        """The marched places in canonical space, as far as the canonical grid is live there."""
        ray, distance = marched.ray, marched.distance
        points = ray_spread(marched.origin, ray) + ray_spread(marched.direction, ray) * distance[:, None]
        canonical, reach, height = points, torch.zeros_like(distance), torch.zeros_like(distance)
        if self.config.skinning:
            canonical, reach, height = self.surface.to_canonical(points, slot[ray], conditions.frames)
        live = torch.nonzero(self.occupancy.is_live(canonical.detach()))[:, 0]
        ray = ray[live]
        return _Samples(
            ray,
            distance[live],
            reach[live],
            height[live],
            ray_spread(points.detach(), live),
            ray_spread(canonical, live),
            ray_spread(marched.direction, ray),
            slot[ray],
        )

    def _field(
        self, samples: "_Samples", conditions: Conditions, hard: bool
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Density [M], colour [M, 3], displacement [M, 3] and logits [M, K] of samples."""
        place, displacement, logits = samples.canonical, None, None
        if self.deformation is not None:
            displacement, logits = self.deformation(place, conditions.code, samples.slot, hard)
            place = place + displacement
        code = conditions.code if self.config.condition_field else conditions.code[:, :0]
        density, colour = self.field(place, samples.direction, code[samples.slot])
        if self.config.skinning:
            inside = torch.sigmoid(-samples.height / self.config.surface_width)
            density = density * torch.exp(self.config.surface_rise * inside)
        return density, colour, displacement, logits

    @torch.no_grad()
    def image(
        self,
        motion: Motion,
        camera: Tensor,
        height: int,
        width: int,
        background: Tensor,
        step: float,
        chunk: int = 32768,
        view: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """A whole frame.

        Args:
            motion: one frame.
            camera: [3, 3] K.
            view: [3, 4] rigid motion to the space of a camera that stands elsewhere, from that of the training camera.

        Returns:
            [H, W, 3] sRGB in [0, 1] and [H, W] opacity.
        """
        conditions = self.conditions(motion).seen_from(view)
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        pixels = torch.stack([x.reshape(-1), y.reshape(-1)], dim=1)
        scene = self._scene(conditions, step)
        if scene is not None and serves(scene):
            slot = torch.zeros(len(pixels), dtype=torch.int64)
            rays = self.rays(pixels, slot, camera[None], conditions)
            seen = render(scene, *rays, (height, width), OPAQUE, FAINT)
        else:
            parts = [self._front_to_back(part, camera[None], conditions, step) for part in pixels.split(chunk)]
            seen = tuple(torch.cat(one) for one in zip(*parts, strict=True))
        colours, opacities = [], []
        for part, colour, opacity in zip(*(one.split(chunk) for one in (pixels, *seen)), strict=True):
            slot = torch.zeros(len(part), dtype=torch.int64)
            behind, whole = self._behind(part, slot, camera[None], conditions, background, opacity)
            colours.append(colour + (1 - opacity)[:, None] * behind)
            opacities.append(whole)
        picture = torch.cat(colours).clamp(0, 1).view(height, width, 3)
        return picture, torch.cat(opacities).view(height, width)

    def _scene(self, conditions: Conditions, step: float) -> Scene | None:
        """The one frame of the conditions, as the kernels' renderer wants it; None where it does not know the parts."""
        code, box, config = conditions.code[0], self.occupancy.box, self.config
        deformation = None if self.deformation is None else self.deformation.posed(code)
        if self.deformation is not None and deformation is None:
            return None
        return Scene(
            self.occupancy.reachable,
            self.occupancy.live,
            box.low,
            box.high,
            step,
            self.surface.posed(conditions.frames, 0) if config.skinning else None,
            deformation,
            self.field.posed(code, config.surface_rise if config.skinning else 0.0, config.surface_width),
        )

    def _front_to_back(
        self, pixels: Tensor, camera: Tensor, conditions: Conditions, step: float
    ) -> tuple[Tensor, Tensor]:
        """Premultiplied colour [R, 3] and opacity [R], a few samples of every ray at a time, until it is opaque.

        What `render` does in one call, put together from the other ops; rays end between slabs alone, and faint samples
        are taken in as well.
        """
        count = len(pixels)
        slot = torch.zeros(count, dtype=torch.int64)
        marched = self._march(pixels, slot, camera, conditions, step, None)
        colour, opacity = pixels.new_zeros(count, 3), pixels.new_zeros(count)
        rank = torch.arange(len(marched.ray)) - torch.searchsorted(marched.ray, torch.arange(count))[marched.ray]
        for start in range(0, int(rank.max()) + 1 if len(rank) else 0, SLAB):
            chosen = (rank >= start) & (rank < start + SLAB) & (opacity[marched.ray] < OPAQUE)
            slab = self._place(marched.take(torch.nonzero(chosen)[:, 0]), slot, conditions)
            density, shade, _, _ = self._field(slab, conditions, hard=False)
            weight = composite_weights(density, torch.full_like(density, step), slab.ray)
            weight = weight * (1 - opacity)[slab.ray]
            colour.index_add_(0, slab.ray, weight[:, None] * shade)
            opacity.index_add_(0, slab.ray, weight)
        return colour, opacity

    def parameter_counts(self) -> dict[str, int]:
        """Trainable numbers by component."""
        parts = {
            "field": self.field,
            "deformation": self.deformation,
            "calibration": self.calibration,
            "shoulders": self.shoulders,
        }
        return {
            name: sum(p.numel() for p in part.parameters()) if part is not None else 0 for name, part in parts.items()
        }
