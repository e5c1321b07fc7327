"""A first pose of each frame from a similarity between the template's landmarks and MediaPipe's, and the keyframes."""

import math

import numpy as np
import torch
from torch import Tensor

from partnerface.tracking.landmark_head import LandmarkHead


def similarity(source: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Best rotation, scale and shift of a point set onto others, by Umeyama's closed form (PAMI 1991).

    Args:
        source: (L, 3).
        target: (T, L, 3).
        weights: (L,) >= 0.

    Returns:
        rotation (T, 3, 3), scale (T,), shift (T, 3) with target ≈ scale * rotation @ source + shift.
    """
    share = weights / weights.sum()
    source_mean = share @ source
    target_mean = (share[:, None] * target).sum(1)
    a, b = source - source_mean, target - target_mean[:, None]
    covariance = torch.einsum("l,tli,lj->tij", share, b, a)
    u, values, v = torch.linalg.svd(covariance)
    sign = torch.ones_like(values)
    sign[:, 2] = torch.linalg.det(u @ v).sign()
    rotation = u * sign[:, None] @ v
    scale = (values * sign).sum(1) / (share[:, None] * a * a).sum()
    return rotation, scale, target_mean - scale[:, None] * (rotation @ source_mean)


def initial_pose(head: LandmarkHead, points: Tensor, principal_point: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation (T, 3, 3) and position (T, 3; see ClipState) of each frame.

    Args:
        head: the landmarks of the template.
        points: (T, L, 3) landmarks in pixels, z relative in the same scale, growing away from the camera.
        principal_point: (T, 2).
        weights: (L,) how far each landmark is to be trusted to sit on the skull.
    """
    rotation, scale, shift = similarity(head.rest, points, weights)
    anchor = scale[:, None] * (rotation @ head.anchor) + shift
    lateral = (anchor[:, :2] - principal_point) / scale[:, None]
    return rotation, torch.cat([lateral, -scale.log()[:, None]], dim=1)


def bridge(rotation: Tensor, position: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """Give the frames without landmarks a pose between those of their neighbours.

    Rotations are blended linearly and put back onto the rotations, which is good to a few degrees over the gaps that
    occur; the smoothness term of the fit has the last word.
    """
    if bool(found.all()):
        return rotation, position
    known = np.flatnonzero(found.numpy())
    frames = np.arange(len(found))
    flat = torch.cat([rotation.reshape(-1, 9), position], dim=1).numpy()
    filled = torch.as_tensor(np.stack([np.interp(frames, known, flat[known, c]) for c in range(12)], axis=1))
    u, _, v = torch.linalg.svd(filled[:, :9].reshape(-1, 3, 3))
    blended = (
        u
        @ torch.diag_embed(torch.stack([torch.ones(len(u)), torch.ones(len(u)), torch.linalg.det(u @ v)], 1).to(u))
        @ v
    )
    return torch.where(found[:, None, None], rotation, blended), filled[:, 9:]


def keyframes(points: Tensor, rotation: Tensor, position: Tensor, found: Tensor, count: int) -> Tensor:
    """Indices of frames that show the clip's range of poses and expressions, in order of time.

    Half are spread evenly over time; the others are those that lie farthest from all chosen so far (farthest-point
    sampling) in pose and in the shape of the face once the pose is taken out.

    Args:
        points: (T, L, 3) landmarks in pixels from the principal point, z relative.
        rotation, position: (T, 3, 3), (T, 3) of each frame.
        found: (T,) bool.
        count: how many.
    """
    usable = torch.nonzero(found)[:, 0]
    if len(usable) <= count:
        return usable
    turned = points[usable] * position[usable, None, 2:].exp()
    turned = (turned - turned.mean(1, keepdim=True)) @ rotation[usable]  # the transposed rotation, point by point
    facing = rotation[usable].reshape(len(usable), 9)
    # 3 mm of mean motion of the face's landmarks weigh as much as a turn of about 0.1 rad.
    features = torch.cat([(turned / 0.003).reshape(len(usable), -1) / math.sqrt(points.shape[1]), facing / 0.1], dim=1)
    chosen = torch.linspace(0, len(usable) - 1, count // 2).round().long().unique().tolist()
    nearest = torch.cdist(features, features[chosen]).amin(1)
    while len(chosen) < count:
        farthest = int(nearest.argmax())
        chosen.append(farthest)
        nearest = torch.minimum(nearest, (features - features[farthest]).norm(dim=1))
    return usable[torch.tensor(sorted(set(chosen)))]
