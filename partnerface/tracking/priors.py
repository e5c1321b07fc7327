"""What is known before any landmark is seen: sizes of the unknowns, their limits, and how fast they change.

All of it in one place, as standard deviations; the data term is in the same currency (see cost.py).
"""

import math
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from partnerface.tracking.state import (
    EXPRESSION,
    EXPRESSION_START,
    EYELIDS,
    JAW,
    LEFT_EYE,
    POSITION,
    RIGHT_EYE,
    ROTATION,
)


@dataclass
class Priors:
    """Standard deviations (`_std`), radians and metres unless a comment says otherwise.

    The `change_` values are for one frame of 1/30 s while the head rests; a change beyond `release` times as much is
    taken for motion, and the smoothing lets go of it.
    """

    landmark_std: float = 0.01  # of the distance between the outer eye corners
    effective_landmarks: float = 60.0  # neighbouring landmarks err together: 478 count as so many
    effective_frames: float = 6.0  # a landmark errs alike in all frames: for shape and focal a clip counts as so many
    outlier: float = 4.0  # landmark deviations beyond which a landmark stops pulling harder
    opening_std: float = 0.003  # difference of two opposite landmarks of mouth or eye, of the same distance
    depth_std: float = 0.2  # MediaPipe's relative depth, of the same distance
    shape_std: float = 1.0
    expression_std: float = 0.5
    focal_ratio: float = 1.4  # focal length over the longer edge of the picture
    log_focal_std: float = 0.3
    jaw_std: tuple[float, float, float] = (1.0, 0.03, 0.02)
    eye_std: tuple[float, float, float] = (0.25, 0.35, 0.01)
    vergence_std: tuple[float, float, float] = (0.03, 0.08, 0.01)
    eyelid_std: float = 3.0
    limit_std: float = 0.02  # beyond a limit
    jaw_least: float = 0.0
    eyelid_limits: tuple[float, float] = (0.0, 1.0)
    change_rotation: float = 0.0015
    change_place: float = 0.0001
    change_depth: float = 0.0008  # of the distance
    change_jaw: float = 0.0015
    change_eye: float = 0.008
    change_eyelid: float = 0.02
    change_expression: float = 0.02
    release: float = 4.0

    def smoother(self, factor: float) -> "Priors":
        """The same with changes between frames held down `factor` times as strongly, and let go of at the same size."""
        changes = {item.name: getattr(self, item.name) / factor for item in fields(self) if item.name[:7] == "change_"}
        return replace(self, release=self.release * factor, **changes)


@dataclass
class Limits:
    """Box of the unknowns with a rest value; infinite where there is none."""

    lower: Tensor
    upper: Tensor


@dataclass
class FramePriors:
    """The priors spread over the P columns of a frame's block.

    Attributes:
        precision: (P,) 1 / std^2, zero for the pose.
        coupling: (P, P) the vergence term: precision of the difference of the eyes.
        limits: the box.
        limit_precision: () 1 / std^2 beyond it.
        change: (P,) standard deviation of a change between neighbouring frames at rest.
    """

    precision: Tensor
    coupling: Tensor
    limits: Limits
    limit_precision: float
    change: Tensor
    release: float = field(default=3.0)


def frame_priors(priors: Priors, n_expression: int, dtype: torch.dtype = torch.float64) -> FramePriors:
    """Spread `priors` over the columns of a frame."""
    size = EXPRESSION_START + n_expression

    def tensor(values: tuple[float, ...]) -> Tensor:
        return torch.tensor(values, dtype=dtype)

    std = torch.full((size,), math.inf, dtype=dtype)
    std[JAW], std[LEFT_EYE], std[RIGHT_EYE] = tensor(priors.jaw_std), tensor(priors.eye_std), tensor(priors.eye_std)
    std[EYELIDS], std[EXPRESSION] = priors.eyelid_std, priors.expression_std
    coupling = torch.zeros(size, size, dtype=dtype)
    for left, right, deviation in zip(range(9, 12), range(12, 15), priors.vergence_std, strict=True):
        pair = torch.tensor([left, right])
        coupling[pair[:, None], pair] += torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=dtype) / deviation**2
    lower, upper = torch.full((size,), -math.inf, dtype=dtype), torch.full((size,), math.inf, dtype=dtype)
    lower[JAW.start] = priors.jaw_least
    lower[EYELIDS], upper[EYELIDS] = priors.eyelid_limits
    change = torch.empty(size, dtype=dtype)
    change[ROTATION], change[POSITION] = priors.change_rotation, priors.change_place
    change[POSITION.stop - 1] = priors.change_depth
    change[JAW], change[LEFT_EYE], change[RIGHT_EYE] = priors.change_jaw, priors.change_eye, priors.change_eye
    change[EYELIDS], change[EXPRESSION] = priors.change_eyelid, priors.change_expression
    return FramePriors(std**-2, coupling, Limits(lower, upper), priors.limit_std**-2, change, priors.release)
