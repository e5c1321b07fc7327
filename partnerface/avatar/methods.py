"""Every method that is a configuration of the same classes, by name."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

from partnerface.conventions import METHOD_PATTERN

#: How the parts are weighed: by the part assigner, with exact zeros or with none; by the warm-up's partition alone; or
#: by the distance from landmarks, where the parts then stand.
WEIGHTINGS = ("sparsemax", "softmax", "partition", "landmarks")


def part_sizes(encoded: int, code_size: int, width: int, layers: int, blendshapes: bool) -> list[int]:
    """Widths of a local network, from its inputs to its outputs; see `PartDeformation`."""
    ends = (encoded, 3 * (1 + code_size)) if blendshapes else (encoded + code_size, 3)
    return [ends[0], *[width] * (layers - 1), ends[1]]


@dataclass(frozen=True)
class AvatarConfig:
    """What an avatar is made of.

    Args:
        skinning: carry samples to canonical space by the head's motion; without it they stay in the head's rigid frame.
        offsets: take the blendshapes' offsets away as well on the way to canonical space, not the bones' motion alone.
        parts: number K of local deformation MLPs; 0 for no deformation at all.
        weighting: one of WEIGHTINGS.
        blendshapes: the expression code adds up displacements that the local MLPs predict for each of its components;
            else it is one of their inputs.
        part_width: hidden width of a local MLP.
        part_layers: layers of a local MLP, the output included.
        part_frequencies: octaves of the positional encoding of the canonical point.
        deformation_scale: metres that an output of 1 moves a point.
        attention: a part sees of the expression code what moves its own neighbourhood (Chen et al., Implicit neural
            head synthesis via controllable local deformation fields, CVPR 2023).
        condition_field: give the expression code to the radiance field as well.
        levels, features, log2_size, finest_resolution: the hash grid.
        surface_rise: by how much the logarithm of the density rises from outside to inside the head model, so that the
            untrained field is its skin rather than a fog whose front the colours settle on.
        surface_width: over what depth it does, m (the scale of the logistic function).
        field_width: hidden width of the radiance field's MLPs.
        code_size: greatest length of the expression code (principal components over the training frames).
        code_ridge: how far weak components of it are from being lifted to unit variance; see `Whitening.fit`.
        jaw_open: jaw angle of the canonical pose, radians, so that the mouth's inside has a place of its own.
        shoulders: a layer behind the head that does not ride on it, for the mask policy `full`.
        calibrate_pose: learn a linear correction of the head's pose from the pose and the expression.
    """

    skinning: bool = True
    offsets: bool = True
    parts: int = 8
    weighting: str = "sparsemax"
    blendshapes: bool = True
    part_width: int = 24
    part_layers: int = 3
    part_frequencies: int = 4
    deformation_scale: float = 0.01
    attention: bool = False
    condition_field: bool = False
    levels: int = 12
    features: int = 2
    log2_size: int = 16
    finest_resolution: int = 320
    surface_rise: float = 6.0
    surface_width: float = 0.0015
    field_width: int = 64
    code_size: int = 24
    code_ridge: float = 0.3
    jaw_open: float = 0.2
    calibrate_pose: bool = True
    shoulders: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "AvatarConfig":
        """The inverse of `to_dict`; unknown keys raise TypeError."""
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})

    def with_parts(self, parts: int) -> "AvatarConfig":
        """With so many local MLPs, and about as many parameters in them together as before."""
        encoded = 3 + 6 * self.part_frequencies

        def size(width: int) -> int:
            sizes = part_sizes(encoded, self.code_size, width, self.part_layers, self.blendshapes)
            return sum((one + 1) * other for one, other in pairwise(sizes))

        whole = self.parts * size(self.part_width)
        width = min(range(4, 257), key=lambda width: abs(parts * size(width) - whole))
        return replace(self, parts=parts, part_width=width)


@dataclass(frozen=True)
class Method:
    """An avatar's configuration, and the settings of its training that differ from the user's."""

    avatar: AvatarConfig
    training: Mapping[str, float] = field(default_factory=dict)


_OURS = AvatarConfig()
#: Methods that are trained, but for parts_K. `retrieval` is none: it looks frames up.
METHODS: dict[str, Method] = {
    "partnerface": Method(_OURS),
    "global": Method(_OURS.with_parts(1)),
    "skinning": Method(replace(_OURS, parts=0)),
    "conditioned": Method(replace(_OURS, skinning=False, parts=0, condition_field=True)),
    "landmark_parts": Method(replace(_OURS, weighting="landmarks", attention=True)),
    "hard": Method(replace(_OURS, weighting="partition")),
    "softmax": Method(replace(_OURS, weighting="softmax")),
    "no_warmup": Method(_OURS, {"warm_up": 0.0}),
    "no_balance": Method(_OURS, {"weight_balance": 0.0, "weight_entropy": 0.0}),
    "no_blendshapes": Method(replace(_OURS, blendshapes=False)),
    "no_offsets": Method(replace(_OURS, offsets=False)),
}


def method(name: str) -> Method | None:
    """The method of a name, parts_K with K local MLPs among them; None for any other name."""
    if found := re.fullmatch(METHOD_PATTERN, name):
        return Method(_OURS.with_parts(int(found[1])))
    return METHODS.get(name)
