"""Volume-rendering quadrature over packed samples (Max 1995; Mildenhall et al., NeRF, ECCV 2020, equation 3)."""

import torch
from torch import Tensor


def check(density: Tensor, length: Tensor, ray: Tensor) -> None:
    """Raise ValueError where a shape does not fit, TypeError where `ray` is not int64."""
    if not density.shape == length.shape == ray.shape or density.ndim != 1:
        shapes = ", ".join(str(list(one.shape)) for one in (density, length, ray))
        raise ValueError(f"density, length and ray must have one shape [M], not {shapes}")
    if ray.dtype != torch.int64:
        raise TypeError(f"ray must be int64, not {ray.dtype}")


def ray_spread(values: Tensor, ray: Tensor) -> Tensor:
    """Hand each ray's values to its samples: [rays, C] or [rays] → [M, C] or [M]."""
    return values[ray]


def ray_sums(values: Tensor, ray: Tensor, rays: int) -> Tensor:
    """Sum the values of each ray's samples: [M, C] or [M] → [rays, C] or [rays]."""
    return values.new_zeros(rays, *values.shape[1:]).index_add(0, ray, values)


def composite_weights(density: Tensor, length: Tensor, ray: Tensor) -> Tensor:
    """w_i = T_i (1 - exp(-sigma_i delta_i)) with T_i = exp(-sum_{j < i} sigma_j delta_j) along each ray.

    Args:
        density: [M] sigma, 1/m, samples of one ray adjacent and in order of depth.
        length: [M] delta, m.
        ray: [M] int64, non-decreasing index of the sample's ray.

    Returns:
        [M] weights in [0, 1]. Differentiable in density.

    Raises:
        ValueError, TypeError: a shape or dtype does not fit.
    """
    check(density, length, ray)
    depth = density * length
    if len(depth) == 0:
        return depth
    # One running sum over all rays, in double precision, less its value where the sample's ray begins.
    running = torch.cumsum(depth.double(), dim=0) - depth.double()
    first = torch.ones_like(ray, dtype=torch.bool)
    first[1:] = ray[1:] != ray[:-1]
    starts = torch.nonzero(first)[:, 0]
    segment = torch.cumsum(first.long(), dim=0) - 1
    transmittance = torch.exp(-(running - running[starts[segment]])).to(depth.dtype)
    return transmittance * -torch.expm1(-depth)
