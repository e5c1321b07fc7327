"""From posed space back to canonical space: nearest posed surface, blended inverse motion of the vertices around it.

Per frame each vertex has an affine map (its inverse bone blend and the removal of its blendshape offset). A sample
takes the Gaussian-weighted mean of the maps of the vertices around its nearest one. Neighbours are neighbours on the
mesh, never across a gap in space, so an upper lip's sample never listens to the lower lip.
"""

import torch
from torch import Tensor

from partnerface.kernels.reference.march import voxel


def anchor_volume(
    anchors: Tensor, low: Tensor, high: Tensor, resolution: tuple[int, int, int], reach: int, fallback: Tensor
) -> Tensor:
    """The anchor nearest to each voxel's centre, for the voxels within `reach` voxels of one.

    Every anchor offers itself to the cube of voxels around it and the nearest offer wins.

    Args:
        anchors: [A, 3] places of some vertices, m, A < 32768.
        low, high: [3] corners of the volume, m.
        resolution: voxels along each axis.
        reach: half the edge of the cube, voxels.
        fallback: [X * Y * Z] int64 anchor of the voxels that nobody reaches (from the template).

    Returns:
        [X * Y * Z] int64 anchor indices.
    """
    device = anchors.device
    size = torch.tensor(resolution, dtype=torch.int32, device=device)
    edge = (high - low) / size
    span = torch.arange(-reach, reach + 1, dtype=torch.int32, device=device)
    cube = torch.stack(torch.meshgrid(span, span, span, indexing="ij"), dim=-1).reshape(-1, 3)
    place = (anchors - low) / edge
    middle = place.floor().int()
    inside = ((middle >= reach) & (middle < size - reach)).all(1)
    # Anchors near the box's faces are handled by the fallback: nothing that is seen stands there.
    place, middle, number = place[inside], middle[inside], torch.nonzero(inside)[:, 0].int()
    offset = middle - place + 0.5
    squared = (offset[:, None] + cube).square().sum(-1)
    stride = torch.tensor([resolution[1] * resolution[2], resolution[2], 1], dtype=torch.int32, device=device)
    flat = (middle * stride).sum(1, dtype=torch.int32)[:, None] + (cube * stride).sum(1, dtype=torch.int32)
    # Squared distance in 1/256 voxel above, anchor below: one integer minimum finds both.
    key = ((squared * 256).int() << 15) + number[:, None]
    none = torch.iinfo(torch.int32).max
    best = torch.full((int(size.prod()),), none, dtype=torch.int32, device=device)
    best.scatter_reduce_(0, flat.reshape(-1).long(), key.reshape(-1), "amin")
    return torch.where(best < none, best.long() & 32767, fallback)


def check(
    points: Tensor,
    slot: Tensor,
    vertices: Tensor,
    maps: Tensor,
    volumes: Tensor,
    patch: Tensor,
    ring: Tensor,
    resolution: tuple[int, int, int],
) -> None:
    """Raise ValueError where a shape does not fit, TypeError where a dtype does not."""
    frames, count = vertices.shape[:2]
    cells = resolution[0] * resolution[1] * resolution[2]
    for name, tensor, shape in (
        ("points", points, [len(points), 3]),
        ("slot", slot, [len(points)]),
        ("vertices", vertices, [frames, count, 3]),
        ("maps", maps, [frames, count, 16]),
        ("volumes", volumes, [frames, cells]),
        ("patch", patch, [len(patch), patch.shape[-1]]),
        ("ring", ring, [count, ring.shape[-1]]),
    ):
        if list(tensor.shape) != shape:
            raise ValueError(f"{name} must have the shape {shape}, not {list(tensor.shape)}")
    if slot.dtype != torch.int64 or volumes.dtype != torch.int16:
        raise TypeError(f"slot and volumes must be int64 and int16, not {slot.dtype} and {volumes.dtype}")


def inverse_skinning(
    points: Tensor,
    slot: Tensor,
    vertices: Tensor,
    maps: Tensor,
    volumes: Tensor,
    patch: Tensor,
    ring: Tensor,
    low: Tensor,
    high: Tensor,
    resolution: tuple[int, int, int],
    radius: float,
    reach: tuple[float, float],
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry points from the head's rigid frame to canonical space.

    Args:
        points: [N, 3] m, in the head's rigid frame.
        slot: [N] int64, which of the B frames each point belongs to.
        vertices: [B, V, 3] posed vertices in the head's rigid frame, m.
        maps: [B, V, 16] row-major 3 x 4 affine maps, rigid frame → canonical space, and below them the vertex's tangent
            plane (unit normal, outwards, and offset: n . x + c is the height over it, m).
        volumes: [B, X * Y * Z] int16 nearest anchors (`anchor_volume`).
        patch: [A, P] indices of the vertices around each anchor on the mesh.
        ring: [V, M] indices of each vertex and its neighbours on the mesh.
        low, high, resolution: the volume's box.
        radius: standard deviation of the Gaussian, m.
        reach: distances between which the map fades to the identity: far from the surface the rigid motion rules, m.

    Returns:
        [N, 3] canonical points, differentiable in `points` (weights are held fixed); [N] distance to the nearest
        vertex, m; [N] height over the surface, m, negative inside: the weighted mean of the heights over the tangent
        planes of the vertices around (implicit moving least squares, Kolluri 2008).

    Raises:
        ValueError, TypeError: a shape or dtype does not fit.
    """
    check(points, slot, vertices, maps, volumes, patch, ring, resolution)
    frames, count = vertices.shape[:2]
    if len(points) == 0:
        return points * 1, points.new_zeros(0), points.new_zeros(0)
    with torch.no_grad():
        nearest = volumes.reshape(-1)[slot * volumes.shape[1] + voxel(points.detach(), low, high, resolution)].long()
        flat, base = vertices.reshape(-1, 3), (slot * count)[:, None]
        # A voxel is coarser than the mesh: the nearest vertex stands somewhere around the voxel's anchor.
        around = patch[nearest]
        closest = (flat[around + base] - points.detach()[:, None]).square().sum(-1).argmin(1, keepdim=True)
        neighbours = ring[around.gather(1, closest)[:, 0]] + base
        squared = (flat[neighbours] - points.detach()[:, None]).square().sum(-1)
        weights = torch.softmax(-squared / (2 * radius * radius), dim=1)
        distance = squared.amin(1).sqrt()
        fade = ((reach[1] - distance) / (reach[1] - reach[0])).clamp(0, 1)
        starts = torch.arange(0, neighbours.numel() + 1, neighbours.shape[1], device=points.device)
        blend = torch.sparse_csr_tensor(
            starts, neighbours.reshape(-1), weights.reshape(-1), (len(points), frames * count), check_invariants=False
        )
        blended = (blend @ maps.reshape(-1, 16)).view(-1, 4, 4)
        height = (blended[:, 3, :3] * points).sum(-1) + blended[:, 3, 3]
        blended = blended[:, :3]
        identity = torch.eye(3, 4, device=points.device, dtype=points.dtype)
        blended = identity + fade[:, None, None] * (blended - identity)
    canonical = (blended[:, :, :3] * points[:, None]).sum(-1) + blended[:, :, 3]
    return canonical, distance, height
