"""A head posed by the arrays of tracking.npz, NumPy in and out, some frames at a time so that memory stays bounded."""

from collections.abc import Mapping

import numpy as np
import torch

from partnerface.conventions import MOTION_NAMES
from partnerface.head.model import HeadModel
from partnerface.head.skinning import head_tensors, pose_head

#: Frames that are posed at once.
TOGETHER = 32


def posed_vertices(
    head: HeadModel,
    tracking: Mapping[str, np.ndarray],
    frames: np.ndarray | None = None,
    vertices: np.ndarray | None = None,
    dtype: torch.dtype = torch.float32,
) -> np.ndarray:
    """(n, V, 3) vertices in camera space, metres.

    Args:
        head: the head that was fitted.
        tracking: the arrays of tracking.npz; of a motion that is left out the head has none.
        frames: (n,) which ones, None for all.
        vertices: (V,) which ones, None for all.
        dtype: to compute in, and of the result.
    """
    tensors = head_tensors(head, dtype=dtype)
    if vertices is not None:
        tensors = tensors.subset(torch.as_tensor(np.asarray(vertices, np.int64)))
    shape = torch.tensor(tracking["shape"], dtype=dtype)
    motion = {name: tracking[name] for name in MOTION_NAMES if name in tracking}
    index = np.arange(len(tracking["expression"])) if frames is None else np.asarray(frames)
    out = []
    with torch.no_grad():
        for part in np.array_split(index, max(1, -(-len(index) // TOGETHER))):
            some = {name: torch.tensor(values[part], dtype=dtype) for name, values in motion.items()}
            out.append(pose_head(tensors, shape, **some).vertices.numpy())
    return np.concatenate(out)


def landmark_corners(
    head: HeadModel,
    tracking: Mapping[str, np.ndarray],
    frames: np.ndarray | None = None,
    points: list[int] | None = None,
    dtype: torch.dtype = torch.float32,
) -> np.ndarray:
    """(n, L, 3, 3) the corners of the triangles on which MediaPipe's points lie; of all 478, or of some `points`.

    Only these vertices are posed. The other arguments are those of `posed_vertices`.
    """
    triangles = head.mediapipe_faces if points is None else head.mediapipe_faces[points]
    used, place = np.unique(triangles, return_inverse=True)
    return posed_vertices(head, tracking, frames, used, dtype)[:, place.reshape(-1, 3)]


def posed_landmarks(
    head: HeadModel,
    tracking: Mapping[str, np.ndarray],
    frames: np.ndarray | None = None,
    points: list[int] | None = None,
    dtype: torch.dtype = torch.float32,
) -> np.ndarray:
    """(n, L, 3) MediaPipe's points in camera space, metres; arguments as for `landmark_corners`."""
    weights = head.mediapipe_weights if points is None else head.mediapipe_weights[points]
    corners = landmark_corners(head, tracking, frames, points, dtype)
    return (corners * weights[..., None].astype(corners.dtype)).sum(2)
