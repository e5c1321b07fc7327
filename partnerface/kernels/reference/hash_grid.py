"""Multi-resolution hash grid (Müller et al., Instant Neural Graphics Primitives, SIGGRAPH 2022, section 3).

Level l is a cubic lattice of resolution N_l = floor(base * growth^l). Lattices with no more than 2^log2_size points are
stored densely, finer ones through the spatial hash h(i) = (i_x ^ i_y p_2 ^ i_z p_3) mod 2^log2_size. A point's feature
on a level is the trilinear blend of the eight corners; the levels are concatenated.

The blend of all points and levels is one sparse matrix (eight weights a row) times the table, which is by far the
fastest form in eager PyTorch; the backward pass is written out because autograd's scatter is slow on a CPU.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

_PRIMES = (1, 2654435761, 805459861)


def _as_int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


@dataclass(frozen=True)
class HashGridSpec:
    """Shape of a grid.

    Args:
        levels: number of lattices.
        features: features per corner.
        base_resolution: lattice cells along an axis on the coarsest level.
        finest_resolution: the same on the finest level.
        log2_size: a level stores at most 2^log2_size corners.
    """

    levels: int = 12
    features: int = 2
    base_resolution: int = 16
    finest_resolution: int = 512
    log2_size: int = 16
    resolutions: tuple[int, ...] = field(init=False)
    offsets: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        growth = (self.finest_resolution / self.base_resolution) ** (1 / max(self.levels - 1, 1))
        resolutions = tuple(int(self.base_resolution * growth**level + 1e-6) for level in range(self.levels))
        offsets = [0]
        for resolution in resolutions:
            offsets.append(offsets[-1] + min((resolution + 1) ** 3, 1 << self.log2_size))
        object.__setattr__(self, "resolutions", resolutions)
        object.__setattr__(self, "offsets", tuple(offsets))

    @property
    def entries(self) -> int:
        """Rows of the table over all levels."""
        return self.offsets[-1]

    @property
    def dense_levels(self) -> int:
        """How many levels are stored without hashing (always the coarsest ones)."""
        return sum((resolution + 1) ** 3 <= 1 << self.log2_size for resolution in self.resolutions)

    @property
    def width(self) -> int:
        """Length of a point's feature vector."""
        return self.levels * self.features


def corners(x: Tensor, spec: HashGridSpec) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Table rows and trilinear weights of each point's corners.

    Args:
        x: [N, 3] points in [0, 1]; points outside are clamped to the cube.

    Returns:
        rows [L, N, 8] int32, weights [L, N, 8], and the fractional position in the cell per axis, three [L, N].
    """
    count, dense = len(x), spec.dense_levels
    resolution = torch.tensor(spec.resolutions, dtype=x.dtype, device=x.device)[:, None]
    stride = torch.ones(3, spec.levels, dtype=torch.int32)
    for level, points in enumerate(r + 1 for r in spec.resolutions):
        factors = (points * points, points, 1) if level < dense else tuple(_as_int32(p) for p in _PRIMES)
        stride[:, level] = torch.tensor(factors, dtype=torch.int64).to(torch.int32)
    stride = stride.to(x.device)
    low, high, fraction = [], [], []
    for axis in range(3):
        position = x[:, axis].clamp(0, 1) * resolution
        # The far face of the cube belongs to the last cell, so that its upper corner exists.
        cell = torch.minimum(position.floor(), resolution - 1)
        fraction.append(position - cell)
        low.append(cell.to(torch.int32) * stride[axis][:, None])
        high.append(low[-1] + stride[axis][:, None])
    rows = torch.empty(spec.levels, count, 8, dtype=torch.int32, device=x.device)
    weights = torch.empty(spec.levels, count, 8, dtype=x.dtype, device=x.device)
    mask = (1 << spec.log2_size) - 1
    corner = 0
    for i, u in ((low[0], 1 - fraction[0]), (high[0], fraction[0])):
        for j, v in ((low[1], 1 - fraction[1]), (high[1], fraction[1])):
            added, hashed, uv = i[:dense] + j[:dense], i[dense:] ^ j[dense:], u * v
            for k, w in ((low[2], 1 - fraction[2]), (high[2], fraction[2])):
                rows[:dense, :, corner] = added + k[:dense]
                rows[dense:, :, corner] = (hashed ^ k[dense:]) & mask
                weights[:, :, corner] = uv * w
                corner += 1
    rows += torch.tensor(spec.offsets[:-1], dtype=torch.int32, device=x.device)[:, None, None]
    return rows, weights, fraction


def _blend(rows: Tensor, weights: Tensor, table: Tensor) -> Tensor:
    """sum_c weights[..., c] table[rows[..., c]]: [L, N, 8] → [L * N, F]."""
    row_count = rows.shape[0] * rows.shape[1]
    starts = torch.arange(0, 8 * row_count + 1, 8, dtype=torch.int32, device=rows.device)
    matrix = torch.sparse_csr_tensor(
        starts, rows.reshape(-1), weights.reshape(-1), size=(row_count, len(table)), check_invariants=False
    )
    return matrix @ table


class _HashGrid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, table: Tensor, spec: HashGridSpec) -> Tensor:
        rows, weights, fraction = corners(x, spec)
        ctx.spec = spec
        ctx.save_for_backward(x, table, rows, weights, *fraction)
        features = _blend(rows, weights, table).view(spec.levels, len(x), spec.features)
        return features.permute(1, 0, 2).reshape(len(x), spec.width)

    @staticmethod
    def backward(ctx, *gradients: Tensor):
        (gradient,) = gradients
        spec: HashGridSpec = ctx.spec
        x, table, rows, weights, *fraction = ctx.saved_tensors
        g = gradient.reshape(len(x), spec.levels, spec.features).permute(1, 0, 2)
        grad_x = grad_table = None
        if ctx.needs_input_grad[1]:
            flat = rows.reshape(-1).long()
            columns = [
                torch.bincount(flat, (weights * g[:, :, f : f + 1]).reshape(-1), minlength=len(table))
                for f in range(spec.features)
            ]
            grad_table = torch.stack(columns, dim=1).to(table.dtype)
        if ctx.needs_input_grad[0]:
            # d blend / d weight of each corner, then the product rule of the trilinear weight along each axis.
            per_corner = torch.zeros_like(weights)
            for f in range(spec.features):
                per_corner += table[:, f][rows.reshape(-1).long()].view_as(weights) * g[:, :, f : f + 1]
            cube = per_corner.view(*per_corner.shape[:2], 2, 2, 2)
            a, b, c = ((1 - t, t) for t in fraction)
            resolution = torch.tensor(spec.resolutions, dtype=x.dtype, device=x.device)[:, None]
            grads = []
            difference = cube[:, :, 1] - cube[:, :, 0]
            grads.append(sum(difference[:, :, j, k] * b[j] * c[k] for j in (0, 1) for k in (0, 1)))
            difference = cube[:, :, :, 1] - cube[:, :, :, 0]
            grads.append(sum(difference[:, :, i, k] * a[i] * c[k] for i in (0, 1) for k in (0, 1)))
            difference = cube[..., 1] - cube[..., 0]
            grads.append(sum(difference[:, :, i, j] * a[i] * b[j] for i in (0, 1) for j in (0, 1)))
            grad_x = torch.stack([(grad * resolution).sum(0) for grad in grads], dim=1)
            grad_x = grad_x * ((x >= 0) & (x <= 1))
        return grad_x, grad_table, None


def check(x: Tensor, table: Tensor, spec: HashGridSpec) -> None:
    """Raise ValueError where a shape does not fit."""
    if x.ndim != 2 or x.shape[1] != 3:
        raise ValueError(f"x must have the shape [N, 3], not {list(x.shape)}")
    if tuple(table.shape) != (spec.entries, spec.features):
        raise ValueError(f"table must have the shape [{spec.entries}, {spec.features}], not {list(table.shape)}")


def hash_grid(x: Tensor, table: Tensor, spec: HashGridSpec) -> Tensor:
    """Feature vectors of points.

    Args:
        x: [N, 3] points in [0, 1]; points outside are clamped to the cube.
        table: [spec.entries, spec.features].
        spec: the grid's shape.

    Returns:
        [N, spec.width]. Differentiable in `x` (zero outside the cube) and `table`.

    Raises:
        ValueError: a shape does not fit.
    """
    check(x, table, spec)
    if len(x) == 0:
        return (x[:, :1] * table[0, 0]).expand(0, spec.width)
    return _HashGrid.apply(x, table, spec)
