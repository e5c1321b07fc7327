"""From posed space back to canonical space: nearest posed surface, blended inverse motion of the vertices around it.

Per frame each vertex has an affine map (its inverse bone blend and the removal of its blendshape offset). A sample
takes the Gaussian-weighted mean of the maps of the vertices around its nearest one. Neighbours are neighbours on the
mesh, never across a gap in space, so an upper lip's sample never listens to the lower lip.
"""

import torch
from torch import Tensor

from partnerface.kernels.reference.march import voxel


def nearest_vertex_volume(
    vertices: Tensor, low: Tensor, high: Tensor, resolution: tuple[int, int, int], reach: int, fallback: Tensor
) -> Tensor:
    """A vertex near each voxel's centre, for the voxels within `reach` voxels of a vertex.

    Every vertex offers itself to the cube of voxels around it and the nearest offer wins.

    Args:
        vertices: [V, 3] m, V < 65536.
        low, high: [3] corners of the volume, m.
        resolution: voxels along each axis.
        reach: half the edge of the cube, voxels.
        fallback: [X * Y * Z] int64 vertex of the voxels that nobody reaches (from the template).

    Returns:
        [X * Y * Z] int64 vertex indices.
    """
    device = vertices.device
    size = torch.tensor(resolution, device=device)
    edge = (high - low) / size
    span = torch.arange(-reach, reach + 1, device=device)
    cube = torch.stack(torch.meshgrid(span, span, span, indexing="ij"), dim=-1).reshape(-1, 3)
    cell = ((vertices - low) / edge).floor().long()[:, None] + cube
    inside = ((cell >= 0) & (cell < size)).all(-1)
    vertex, offer = torch.nonzero(inside, as_tuple=True)
    cell = cell[vertex, offer]
    flat = (cell[:, 0] * resolution[1] + cell[:, 1]) * resolution[2] + cell[:, 2]
    distance = ((low + (cell + 0.5) * edge - vertices[vertex]) ** 2).sum(-1)
    # Distance in units of a hundredth of a voxel above, vertex below: one integer minimum finds both.
    key = (distance.sqrt() / edge.min() * 100).long() * 65536 + vertex
    best = torch.full((int(size.prod()),), 1 << 60, dtype=torch.int64, device=device)
    best.scatter_reduce_(0, flat, key, "amin")
    return torch.where(best < 1 << 60, best % 65536, fallback)


def inverse_skinning(
    points: Tensor,
    slot: Tensor,
    vertices: Tensor,
    maps: Tensor,
    volumes: Tensor,
    ring: Tensor,
    low: Tensor,
    high: Tensor,
    resolution: tuple[int, int, int],
    radius: float,
    reach: tuple[float, float],
) -> tuple[Tensor, Tensor]:
    """Carry points from the head's rigid frame to canonical space.

    Args:
        points: [N, 3] m, in the head's rigid frame.
        slot: [N] int64, which of the B frames each point belongs to.
        vertices: [B, V, 3] posed vertices in the head's rigid frame, m.
        maps: [B, V, 12] row-major 3 x 4 affine maps, rigid frame → canonical space.
        volumes: [B, X * Y * Z] nearest vertices (`nearest_vertex_volume`).
        ring: [V, M] indices of each vertex and its neighbours on the mesh.
        low, high, resolution: the volume's box.
        radius: standard deviation of the Gaussian, m.
        reach: distances between which the map fades to the identity: far from the surface the rigid motion rules, m.

    Returns:
        [N, 3] canonical points, differentiable in `points` (weights are held fixed), and [N] distance to the nearest
        vertex, m.
    """
    frames, count = vertices.shape[:2]
    if len(points) == 0:
        return points, points.new_zeros(0)
    with torch.no_grad():
        nearest = volumes.reshape(-1)[slot * volumes.shape[1] + voxel(points.detach(), low, high, resolution)].long()
        flat, base = vertices.reshape(-1, 3), (slot * count)[:, None]
        # A voxel is coarser than the mesh: the nearest vertex is the voxel's one or stands around it.
        around = ring[nearest]
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
        blended = (blend @ maps.reshape(-1, 12)).view(-1, 3, 4)
        identity = torch.eye(3, 4, device=points.device, dtype=points.dtype)
        blended = identity + fade[:, None, None] * (blended - identity)
    canonical = (blended[:, :, :3] * points[:, None]).sum(-1) + blended[:, :, 3]
    return canonical, distance
