"""The posed surface of each frame in the head's rigid frame, with what inverse skinning needs, cached per frame."""

import math
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from partnerface.avatar.motion import Motion
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.head.skinning import HeadTensors, bone_transforms
from partnerface.kernels.inverse_skinning import anchor_volume, inverse_skinning
from partnerface.kernels.render import PosedSkin

HEAD_BONE = 1
NEIGHBOURS = 12
#: The volumes know vertices about this far apart; the nearest vertex stands in the patch around one of them.
ANCHOR_SPACING = 0.005
PATCH = 32
BLEND_RADIUS = 0.004
RIGID_REACH = (0.02, 0.06)
VOXEL = 0.006
VOXEL_REACH = 3
CHUNK = 4096
#: About 0.8 MB each: a training on a long clip stays below 2 GiB.
CACHED_FRAMES = 600


@dataclass
class Box:
    """Axis-aligned box, corners [3] in metres."""

    low: Tensor
    high: Tensor

    def grid(self, voxel: float) -> tuple[int, int, int]:
        """Voxels of about this edge along each axis."""
        x, y, z = ((self.high - self.low) / voxel).ceil().int().tolist()
        return max(x, 1), max(y, 1), max(z, 1)

    def centres(self, resolution: tuple[int, int, int]) -> Tensor:
        """[X * Y * Z, 3] centres of the voxels."""
        axes = [
            self.low[a] + (torch.arange(n, device=self.low.device) + 0.5) * (self.high[a] - self.low[a]) / n
            for a, n in enumerate(resolution)
        ]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)


@dataclass
class Frames:
    """B posed frames, ready for rays.

    Attributes:
        rotation, translation: [B, 3, 3], [B, 3] rigid motion of the head, rigid frame → camera space.
        row: [B] int64, where each frame stands among the F that are pooled, which are too large to be copied.
        pooled_vertices: [F, V, 3] in the rigid frame, m.
        pooled_maps: [F, V, 16] affine maps rigid frame → canonical space, and tangent planes (see inverse_skinning).
        pooled_volumes: [F, cells] int16 anchor near each voxel.
    """

    rotation: Tensor
    translation: Tensor
    row: Tensor
    pooled_vertices: Tensor
    pooled_maps: Tensor
    pooled_volumes: Tensor

    @property
    def vertices(self) -> Tensor:
        """[B, V, 3] in the rigid frame, m."""
        return self.pooled_vertices[self.row]

    @property
    def maps(self) -> Tensor:
        """[B, V, 16], see pooled_maps."""
        return self.pooled_maps[self.row]


def _in_rigid_frame(vertices: Tensor, bone: Tensor) -> Tensor:
    """Vertices [T, V, 3] in the frame of a bone [T, 4, 4]."""
    return ((vertices - bone[:, None, :3, 3]) @ bone[:, :3, :3]).contiguous()


def _nearest_of(candidates: Tensor, vertices: Tensor, size: int) -> Tensor:
    """Of each vertex's candidates [V, M] the `size` nearest to it, itself first; too few are filled up with itself."""
    count = len(vertices)
    itself = torch.arange(count)[:, None]
    candidates = torch.cat([itself, candidates], dim=1).sort(dim=1).values
    distance = (vertices[candidates] - vertices[:, None]).square().sum(-1)
    distance[:, 1:][candidates[:, 1:] == candidates[:, :-1]] = math.inf
    distance[candidates == itself] = torch.where(distance[candidates == itself].isinf(), math.inf, -1.0)
    near = distance.topk(min(size, candidates.shape[1]), dim=1, largest=False)
    found = torch.where(near.values.isinf(), itself, candidates.gather(1, near.indices))
    return torch.cat([found, itself.expand(-1, size - found.shape[1])], dim=1)


def mesh_rings(faces: Tensor, vertices: Tensor, size: int) -> Tensor:
    """For each vertex itself and its `size` - 1 nearest neighbours within two edges on the mesh: [V, size]."""
    count = len(vertices)
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).long()
    edges = torch.cat([edges, edges.flip(1)]).unique(dim=0)
    degree = torch.bincount(edges[:, 0], minlength=count)
    slot = torch.arange(len(edges)) - (torch.cumsum(degree, 0) - degree)[edges[:, 0]]
    table = torch.arange(count)[:, None].repeat(1, int(degree.max()))
    table[edges[:, 0], slot] = edges[:, 1]
    return _nearest_of(torch.cat([table, table[table].flatten(1)], dim=1), vertices, size)


def thin(vertices: Tensor, spacing: float) -> Tensor:
    """Indices of vertices about `spacing` apart: the one nearest to the middle of each cell of a grid."""
    cell = (vertices / spacing).floor()
    _, group = cell.long().unique(dim=0, return_inverse=True)
    order = ((vertices / spacing) - cell - 0.5).square().sum(1).argsort(stable=True)
    first = torch.full((int(group.max()) + 1,), len(vertices)).scatter_reduce(
        0, group[order], torch.arange(len(vertices)), "amin"
    )
    return order[first].sort().values


class Surface:
    """Poses a head of fixed shape and carries samples to its canonical pose.

    Args:
        head: the head model's tensors.
        shape: (S,) the subject's shape.
        faces: (F, 3) triangles.
        jaw_open: jaw angle of the canonical pose, radians.
        margin: room around the canonical head for hair, m.
        offsets: whether the way to canonical space takes the blendshapes' offsets away.
    """

    def __init__(
        self,
        head: HeadTensors,
        shape: Tensor,
        faces: Tensor,
        jaw_open: float,
        margin: float = 0.09,
        offsets: bool = True,
    ):
        self.head, self.shape, self.offsets = head, shape, offsets
        self.rest = head.template + head.shape_basis @ shape
        joints = head.joints + head.joint_basis @ shape
        self.root = joints[0]
        rotations = torch.zeros(1, 5, 3)
        rotations[0, 2, 0] = jaw_open
        bones = bone_transforms(axis_angle_to_matrix(rotations), joints)[0]
        blend = (head.weights @ bones.reshape(5, 16)).view(-1, 4, 4)
        self.canonical_rotation, self.canonical_shift = blend[:, :3, :3], blend[:, :3, 3]
        self.canonical = (self.canonical_rotation @ self.rest[..., None])[..., 0] + self.canonical_shift
        room = torch.tensor([margin, margin, margin])
        self.box = Box(self.canonical.amin(0) - room, self.canonical.amax(0) + room)
        # Below the neck's base there is nothing to learn.
        self.box.low[1] += margin - 0.01
        self.resolution = self.box.grid(VOXEL)
        self.faces = faces.long()
        ring = mesh_rings(faces, self.rest, NEIGHBOURS)
        self.anchors = thin(self.rest, ANCHOR_SPACING)
        self.patch = _nearest_of(ring[ring].flatten(1), self.rest, PATCH)[self.anchors].int()
        self.ring = ring.int()
        self.template_volume = self._nearest(self.box.centres(self.resolution), self.canonical[self.anchors])
        # Which row of the pool a frame has, those asked for last at the end.
        self._rows: OrderedDict[bytes, int] = OrderedDict()
        self._pool: tuple[Tensor, ...] = ()

    def _normals(self, vertices: Tensor) -> Tensor:
        """Unit normals [B, V, 3], outwards, of vertices [B, V, 3]: the faces' around each, weighted by their area."""
        a, b, c = (vertices[:, self.faces[:, corner]] for corner in range(3))
        across = torch.linalg.cross(b - a, c - a)
        total = torch.zeros_like(vertices)
        for corner in range(3):
            total.index_add_(1, self.faces[:, corner], across)
        return torch.nn.functional.normalize(total, dim=-1)

    @staticmethod
    def _nearest(points: Tensor, vertices: Tensor) -> Tensor:
        """Index of the nearest vertex of each point, in chunks."""
        # |p - v|^2 less the term that is the same for all vertices: one matrix product a chunk. Its memory is used
        # again: the allocator may find no room for it in what the chunk before left, and take gigabytes.
        half = vertices.square().sum(1) / 2
        nearest = points.new_empty(len(points), dtype=torch.long)
        room = points.new_empty(min(CHUNK, len(points)), len(vertices))
        for chunk, found in zip(points.split(CHUNK), nearest.split(CHUNK), strict=True):
            distance = torch.mm(chunk, vertices.T, out=room[: len(chunk)])
            torch.argmin(torch.sub(half, distance, out=distance), 1, out=found)
        return nearest

    def foot(self, motion: Motion) -> Tensor:
        """[B, 3] the model's first joint, the foot of the neck, in the motion's frames; camera space, m."""
        return self.root + motion.translation

    def frames(self, motion: Motion) -> Frames:
        """Pose the head in the motion's frames; those posed before are still there, up to CACHED_FRAMES.

        The frames hold until the next call.
        """
        keys = [
            frame.numpy().tobytes()
            for frame in torch.cat([v.reshape(len(motion), -1) for v in vars(motion).values()], dim=1).cpu()
        ]
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        if not self._pool or len(first) > len(self._pool[0]):
            self._rows, self._pool = OrderedDict(), self._empty(max(CACHED_FRAMES, len(first)))
        for key in first:
            if key in self._rows:
                self._rows.move_to_end(key)
        missing = [key for key in first if key not in self._rows]
        if missing:
            # Each by itself: a matrix product's last bits hang on how many frames stand in it, and a resumed training
            # would go another way than one that poses them in other company.
            for key in missing:
                item = self._build(motion.take([first[key]]))
                full = len(self._rows) == len(self._pool[0])
                row = self._rows[key] = self._rows.popitem(last=False)[1] if full else len(self._rows)
                for kept, value in zip(self._pool, item, strict=True):
                    kept[row] = value
        row = torch.tensor([self._rows[key] for key in keys], dtype=torch.int64)
        rotation, translation, *rest = self._pool
        return Frames(rotation[row], translation[row], row, *rest)

    def _empty(self, count: int) -> tuple[Tensor, ...]:
        """Room for posed frames; it takes memory as it is filled."""
        vertices, cells = len(self.rest), math.prod(self.resolution)
        return (
            *(self.rest.new_empty(count, *shape) for shape in ((3, 3), (3,), (vertices, 3), (vertices, 16))),
            torch.empty(count, cells, dtype=torch.int16),
        )

    def vertices(self, motion: Motion) -> Tensor:
        """[T, V, 3] the posed vertices in the head's rigid frame, m; nothing is kept."""
        posed = motion.pose(self.head, self.shape)
        return _in_rigid_frame(posed.vertices, posed.bone_transforms[:, HEAD_BONE])

    def _build(self, motion: Motion) -> tuple[Tensor, ...]:
        """What is pooled of one frame."""
        posed = motion.pose(self.head, self.shape)
        bone = posed.bone_transforms[:, HEAD_BONE]
        rotation, translation = bone[:, :3, :3], bone[:, :3, 3]
        inverse = torch.linalg.inv(bone)
        blended = (self.head.weights @ (inverse[:, None] @ posed.bone_transforms).reshape(-1, 5, 16)).view(
            len(motion), -1, 4, 4
        )
        vertices = _in_rigid_frame(posed.vertices, bone)
        unpose = torch.linalg.inv(blended[..., :3, :3])
        turn = self.canonical_rotation @ unpose
        shift = self.canonical_shift - (turn @ blended[..., :3, 3:])[..., 0]
        if self.offsets:
            shift = shift - (self.canonical_rotation @ posed.offsets[..., None])[..., 0]
        maps = torch.cat([turn, shift[..., None]], dim=-1).reshape(len(motion), -1, 12)
        normals = self._normals(vertices)
        maps = torch.cat([maps, normals, -(normals * vertices).sum(-1, keepdim=True)], dim=-1)
        volume = anchor_volume(
            vertices[0, self.anchors], self.box.low, self.box.high, self.resolution, VOXEL_REACH, self.template_volume
        )
        return rotation[0], translation[0], vertices[0], maps[0], volume.to(torch.int16)

    def to_canonical(self, points: Tensor, slot: Tensor, frames: Frames) -> tuple[Tensor, Tensor, Tensor]:
        """Canonical places [N, 3] of points [N, 3] in the rigid frame, and their distance [N] and height [N] from the
        surface, m."""
        return inverse_skinning(
            points,
            frames.row[slot],
            frames.pooled_vertices,
            frames.pooled_maps,
            frames.pooled_volumes,
            self.patch,
            self.ring,
            self.box.low,
            self.box.high,
            self.resolution,
            BLEND_RADIUS,
            RIGID_REACH,
        )

    def posed(self, frames: Frames, which: int) -> PosedSkin:
        """What the renderer wants of one of some frames."""
        row = slice(int(frames.row[which]), int(frames.row[which]) + 1)
        return PosedSkin(
            frames.pooled_vertices[row],
            frames.pooled_maps[row],
            frames.pooled_volumes[row],
            self.patch,
            self.ring,
            self.resolution,
            BLEND_RADIUS,
            RIGID_REACH,
        )
