"""How much each direction of a face's motion moves each place of its surface."""

import torch
from torch import Tensor

from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.surface import Surface

#: Standard deviation of a part's neighbourhood, m.
NEAR = 0.02
#: A part sees the whole of a component that moves its neighbourhood by this share of what it moves most; less, less.
SEEN = 0.2


def influence(surface: Surface, motion: Motion, directions: Tensor) -> Tensor:
    """How far each direction moves each vertex, from the motion's mean on.

    Args:
        surface: the subject's head.
        motion: T frames.
        directions: [C, D] rows in the space of `Motion.face_features`.

    Returns:
        [C, V] m, in the head's rigid frame.
    """
    mean = motion.face_features().mean(0)
    vertices = surface.vertices(Motion.still(torch.cat([mean[None], mean + directions]), motion))
    return (vertices[1:] - vertices[:1]).norm(dim=-1)


def mobility(surface: Surface, motion: Motion) -> Tensor:
    """[V] how far the face moves each place in the frames of a motion, root mean square, m.

    The neck's bending, which moves much and says little, is left out.
    """
    deviation = motion.face_features().std(0, correction=0)
    deviation[-motion.neck_pose.shape[1] :] = 0
    return influence(surface, motion, torch.diag(deviation)).square().sum(0).sqrt()


def attention(surface: Surface, motion: Motion, code: Whitening, centres: Tensor) -> Tensor:
    """What each part sees of each component of a code: [K, C] in [0, 1].

    Args:
        motion: the training frames. code: of their expression. centres: [K, 3] where the parts stand, canonical, m.
    """
    moved = influence(surface, motion, torch.linalg.pinv(code.matrix.double()).float())
    near = torch.exp(-0.5 * (torch.cdist(centres, surface.canonical) / NEAR).square())
    near = near / near.sum(1, keepdim=True).clamp(min=1e-12)
    there = (near @ moved.square().T).sqrt()
    return (there / there.amax(0).clamp(min=1e-9) / SEEN).clamp(max=1)
