"""A new avatar for a subject, from its head model, motion and masks."""

import torch
from torch import Tensor

from partnerface.avatar.methods import AvatarConfig
from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.occupancy import carve_hull
from partnerface.avatar.surface import Box, Surface
from partnerface.head.skinning import HeadTensors
from partnerface.kernels.reference.march import voxel

HULL_VOXEL = 0.004
#: Hair may stand this far off the head model; skin is never this deep beneath it.
OUTSIDE, INSIDE = 0.07, 0.025
#: Part of the frames whose mask must hold a voxel: the neck swings against the head, and masks err.
HULL_SHARE = 0.6
HULL_FRAMES = 48


def _near_surface(surface: Surface, box: Box, resolution: tuple[int, int, int], normals: Tensor) -> Tensor:
    """[cells] bool: not farther outside or deeper inside the canonical head than anything visible can be."""
    centres = box.centres(resolution)
    index = surface.template_volume[voxel(centres, box.low, box.high, surface.resolution)]
    away = centres - surface.canonical[index]
    distance = away.norm(dim=1)
    return (distance < OUTSIDE) & ~(((away * normals[index]).sum(1) < 0) & (distance > INSIDE))


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """[V, 3] area-weighted unit normals."""
    a, b, c = (vertices[faces[:, i].long()] for i in range(3))
    face = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for i in range(3):
        total.index_add_(0, faces[:, i].long(), face)
    return torch.nn.functional.normalize(total, dim=1)


def build_avatar(
    config: AvatarConfig,
    head: HeadTensors,
    faces: Tensor,
    shape: Tensor,
    motion: Motion,
    alpha: Tensor,
    camera: Tensor,
) -> Avatar:
    """An untrained avatar.

    Args:
        config: what it is made of.
        head, faces, shape: the head model, its triangles and the subject's shape (S,).
        motion: the training frames.
        alpha: [T, H, W] their masks in [0, 1].
        camera: [3, 3] K at H x W.
    """
    surface = Surface(head, shape, faces, config.jaw_open)
    box = surface.box
    resolution = box.grid(HULL_VOXEL)
    chosen = torch.linspace(0, len(motion) - 1, min(HULL_FRAMES, len(motion))).round().long()
    frames = surface.frames(motion.take(chosen))
    share = carve_hull(box, resolution, alpha[chosen], camera, frames.rotation, frames.translation)
    normals = vertex_normals(surface.canonical, faces)
    hull = (share >= HULL_SHARE).view(-1) & _near_surface(surface, box, resolution, normals)
    # Wherever the posed surface goes there may be skin, whatever the masks say.
    hull[voxel(frames.vertices.reshape(-1, 3), box.low, box.high, resolution)] = True
    grid = hull.view(1, 1, *resolution).float()
    hull = torch.nn.functional.max_pool3d(grid, 5, stride=1, padding=2)[0, 0] > 0
    return Avatar(
        config,
        surface,
        Whitening.fit(motion.face_features(), config.code_size),
        Whitening.fit(motion.pose_features(), 6, share=1.0),
        hull,
    )
