"""Every method that is a configuration of the same classes, by name."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class AvatarConfig:
    """What an avatar is made of.

    Args:
        skinning: carry samples to canonical space by the head's motion; without it they stay in the head's rigid frame.
        parts: number K of local deformation MLPs; 0 for no deformation at all.
        part_width: hidden width of a local MLP.
        part_layers: layers of a local MLP, the output included.
        part_frequencies: octaves of the positional encoding of the canonical point.
        deformation_scale: metres that an output of 1 moves a point.
        condition_field: give the expression code to the radiance field as well.
        levels, features, log2_size, finest_resolution: the hash grid.
        surface_rise: by how much the logarithm of the density rises from outside to inside the head model, so that the
            untrained field is its skin rather than a fog whose front the colours settle on.
        surface_width: over what depth it does, m (the scale of the logistic function).
        field_width: hidden width of the radiance field's MLPs.
        code_size: greatest length of the expression code (principal components over the training frames).
        jaw_open: jaw angle of the canonical pose, radians, so that the mouth's inside has a place of its own.
        shoulders: a layer behind the head that does not ride on it, for the mask policy `full`.
        calibrate_pose: learn a linear correction of the head's pose from the pose and the expression.
    """

    skinning: bool = True
    parts: int = 8
    part_width: int = 32
    part_layers: int = 3
    part_frequencies: int = 4
    deformation_scale: float = 0.01
    condition_field: bool = False
    levels: int = 12
    features: int = 2
    log2_size: int = 16
    finest_resolution: int = 320
    surface_rise: float = 6.0
    surface_width: float = 0.0015
    field_width: int = 64
    code_size: int = 12
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


#: Methods that are trained. `global` has one MLP with about as many parameters as the eight local ones together.
METHODS: dict[str, AvatarConfig] = {
    "partnerface": AvatarConfig(),
    "global": AvatarConfig(parts=1, part_width=110),
    "skinning": AvatarConfig(parts=0),
    "conditioned": AvatarConfig(skinning=False, parts=0, condition_field=True),
}
