"""A new avatar for a subject, from its head model, motion and masks."""

from collections.abc import Callable

import torch
from torch import Tensor

from partnerface.avatar.deformation import partition
from partnerface.avatar.influence import attention, mobility
from partnerface.avatar.methods import AvatarConfig
from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.occupancy import carve_hull
from partnerface.avatar.surface import Box, Surface
from partnerface.conventions import CLASS_NAMES
from partnerface.errors import ConfigError
from partnerface.geometry.mesh import vertex_normals
from partnerface.head.model import HeadModel
from partnerface.head.points import SPREAD
from partnerface.head.skinning import embed, head_tensors
from partnerface.kernels.march import voxel

HULL_VOXEL = 0.004
#: How far off the head model something can stand, by the class of the place, m: hair, glasses, skin.
OUTSIDE = {"hair": 0.09, "ears": 0.06, "eyes": 0.03, "brows": 0.03, "nose": 0.02, "neck": 0.04}
SKIN_OUTSIDE = 0.015
#: Nothing visible is this deep beneath it, m.
INSIDE = 0.012
#: A place of the surface is hidden when its normal never comes nearer to the camera's direction than this cosine.
HIDDEN = -0.6
#: Part of the frames whose mask must hold a voxel: the neck swings against the head, and masks err.
HULL_SHARE = 0.8
HULL_FRAMES = 48
#: What a place that never moves counts in the warm-up's partition, beside 1 where the face moves most.
STILL = 0.02


def _near_surface(
    surface: Surface, box: Box, resolution: tuple[int, int, int], outside: Tensor, normals: Tensor, seen: Tensor
) -> Tensor:
    """[cells] bool: where anything visible can be: not far outside or deep inside the head, not on its hidden side.

    Args:
        outside: [V] how far off each vertex anything can stand, m.
        normals: [V, 3]. seen: [V] bool, whether the place ever faces the camera.
    """
    centres = box.centres(resolution)
    index = surface.anchors[surface.template_volume[voxel(centres, box.low, box.high, surface.resolution)]]
    away = centres - surface.canonical[index]
    distance = away.norm(dim=1)
    deep = ((away * normals[index]).sum(1) < 0) & (distance > INSIDE)
    return (distance < outside[index]) & ~deep & seen[index]


def part_centres(config: AvatarConfig, head: HeadModel, surface: Surface, motion: Motion, seen: Tensor) -> Tensor:
    """[K, 3] where the parts stand at first, canonical, m.

    Args:
        motion: the training frames. seen: [V] bool, whether the place ever faces the camera.

    Raises:
        ConfigError: there are fewer landmarks than parts.
    """
    if not config.parts:
        return surface.canonical.new_empty(0, 3)
    if config.weighting == "landmarks":
        if config.parts > len(SPREAD):
            raise ConfigError(f"train.parts is {config.parts}; parts at landmarks are at most {len(SPREAD)}")
        chosen = list(SPREAD[: config.parts])
        return embed(
            surface.canonical,
            torch.as_tensor(head.mediapipe_faces[chosen]),
            torch.as_tensor(head.mediapipe_weights[chosen]),
        )
    moves = mobility(surface, motion) * seen
    return partition(surface.canonical, moves / moves.max().clamp(min=1e-9) + STILL, config.parts)


def build_avatar(
    config: AvatarConfig,
    head: HeadModel,
    shape: Tensor,
    motion: Motion,
    masks: Callable[[Tensor], Tensor],
    camera: Tensor,
) -> Avatar:
    """An untrained avatar.

    Args:
        config: what it is made of.
        head: the head model.
        shape: (S,) the subject's.
        motion: the training frames.
        masks: gives of some of the T frames, by number, the masks [n, H, W] in [0, 1]; few are asked for.
        camera: [T, 3, 3] their K at H x W.
    """
    faces, regions = torch.as_tensor(head.faces), torch.as_tensor(head.regions)
    surface = Surface(head_tensors(head), shape, faces, config.jaw_open, offsets=config.offsets)
    box = surface.box
    resolution = box.grid(HULL_VOXEL)
    chosen = torch.linspace(0, len(motion) - 1, min(HULL_FRAMES, len(motion))).round().long()
    frames = surface.frames(motion.take(chosen))
    mask = masks(chosen)
    share = carve_hull(box, resolution, mask, camera[chosen], frames.rotation, frames.translation)
    normals = torch.as_tensor(vertex_normals(surface.canonical.cpu().numpy(), faces.cpu().numpy()), dtype=torch.float32)
    toward = torch.nn.functional.normalize(
        -(frames.rotation.transpose(1, 2) @ frames.translation[..., None])[..., 0], dim=1
    )
    seen = (normals @ toward.T).amax(1) > HIDDEN
    reach = torch.tensor([OUTSIDE.get(name, SKIN_OUTSIDE) for name in CLASS_NAMES])
    outside = reach[regions.long()]
    hull = (share >= HULL_SHARE).view(-1) & _near_surface(surface, box, resolution, outside, normals, seen)
    # Wherever the posed surface goes there may be skin, whatever the masks say.
    hull[voxel(frames.vertices[:, seen].reshape(-1, 3), box.low, box.high, resolution)] = True
    grid = hull.view(1, 1, *resolution).float()
    hull = torch.nn.functional.max_pool3d(grid, 3, stride=1, padding=1)[0, 0] > 0
    code = Whitening.fit(motion.face_features(), config.code_size, ridge=config.code_ridge)
    centres = part_centres(config, head, surface, motion, seen)
    avatar = Avatar(config, surface, code, Whitening.fit(motion.pose_features(), 6, share=1.0), hull, centres)
    if config.attention and avatar.deformation is not None:
        avatar.deformation.attention.copy_(attention(surface, motion, code, centres))
    if avatar.shoulders is not None:
        height, width = mask.shape[1:]
        edges = torch.tensor([[0.0, 0.0], [float(width), float(height)]])
        focal = camera.diagonal(dim1=1, dim2=2)[:, None, :2]
        foot = surface.foot(motion)[:, None]
        shown = (edges - camera[:, None, :2, 2]) / focal * foot[..., 2:] - foot[..., :2]
        avatar.shoulders.reach.fill_(shown.abs().max())
    return avatar
