"""The canonical radiance field: hash grid → density and, with the view direction, colour."""

import torch
from torch import Tensor, nn

from partnerface.kernels.columns import columns
from partnerface.kernels.field import field_networks
from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.render import PosedField, linear_layers, with_code

GEOMETRY = 15
#: log density of the untrained field outside the head model: an opacity of 0.02 in a step of 4 mm, a thin fog.
INITIAL_LOG_DENSITY = 1.5


class _TruncatedExp(torch.autograd.Function):
    """exp whose gradient is clamped, so that one very dense sample can't throw the whole step (as in Instant-NGP)."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.exp(x.clamp(max=15))

    @staticmethod
    def backward(ctx, *gradients: Tensor):
        (x,) = ctx.saved_tensors
        return gradients[0] * torch.exp(x.clamp(-15, 10))


class CanonicalField(nn.Module):
    """Density and colour of canonical points.

    Args:
        spec: the hash grid.
        width: hidden width of both MLPs.
        code_size: length of a code that the colour and the density see; 0 for a field of space alone.
        low: [3] corner of the canonical box, m; edge: the grid's cube edge, m.
    """

    low: Tensor

    def __init__(self, spec: HashGridSpec, width: int, code_size: int, low: Tensor, edge: float):
        super().__init__()
        self.spec, self.edge, self.code_size = spec, edge, code_size
        self.register_buffer("low", low)
        self.table = nn.Parameter(torch.empty(spec.entries, spec.features).uniform_(-1e-4, 1e-4))
        self.geometry = nn.Sequential(
            nn.Linear(spec.width + code_size, width), nn.ReLU(), nn.Linear(width, 1 + GEOMETRY)
        )
        self.colour = nn.Sequential(
            nn.Linear(GEOMETRY + 3 + code_size, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 3),
        )

    def forward(self, points: Tensor, direction: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """Density [N], 1/m, and sRGB colour [N, 3].

        Args:
            points: [N, 3] canonical, m.
            direction: [N, 3] unit view direction in the head's rigid frame.
            code: [N, C] or [N, 0].
        """
        features = hash_grid((points - self.low) / self.edge, self.table, self.spec)
        if self.code_size:
            features, direction = columns(features, code), columns(direction, code)
        log_density, colour = field_networks(features, direction, self.geometry, self.colour)
        return _TruncatedExp.apply(log_density + INITIAL_LOG_DENSITY), torch.sigmoid(colour)

    def posed(self, code: Tensor, rise: float, width: float) -> PosedField:
        """What the renderer wants for frames of the expression code [C], which is looked at only if the field is
        conditioned; the logarithm of the density rises by `rise` within about `width` (m) of the head's surface."""
        geometry, colour = linear_layers(self.geometry), linear_layers(self.colour)
        code = code[: self.code_size]
        geometry[0] = with_code(*geometry[0], code, self.spec.width)
        colour[0] = with_code(*colour[0], code, GEOMETRY + 3)
        weight, bias = geometry[-1]
        geometry[-1] = weight, torch.cat([bias[:, :1] + INITIAL_LOG_DENSITY, bias[:, 1:]], dim=1)
        return PosedField(self.low, self.edge, self.spec, self.table, geometry, colour, rise, width)
