"""Which places of the surface a frame shows, and which way they face, by drawing the posed mesh into a z-buffer."""

import numpy as np
import torch
from torch import Tensor

from partnerface.geometry.rasterize import rasterize
from partnerface.head.model import HeadModel
from partnerface.head.skinning import HeadTensors, head_tensors, pose_head
from partnerface.tracking.landmark_head import LandmarkHead
from partnerface.tracking.state import ClipState

# Pixels between the outer eye corners in the z-buffer, and how far behind it a place still counts as seen, metres:
# a lid's thickness lies between.
_EYE_PIXELS, _BEHIND = 48.0, 0.0018
# Cosine of the surface's angle to the line of sight where a place begins to count, and where it counts in full.
_HIDDEN, _SEEN = 0.25, 0.6
_CHUNK = 32


class Sight:
    """Tells for any state of a head what of its places is seen."""

    def __init__(self, model: HeadModel, head: LandmarkHead, corners: np.ndarray, barycentric: np.ndarray):
        self._head: HeadTensors = head_tensors(model)
        self._landmarks = head
        self._faces = model.faces
        self._corners = torch.as_tensor(corners.astype(np.int64))
        self._weights = torch.as_tensor(barycentric, dtype=torch.float32)

    def __call__(self, state: ClipState, eye_distance: float) -> tuple[Tensor, Tensor]:
        """How far each place is seen (T, n), 0..1, and its unit normal in camera axes (T, n, 3).

        Args:
            state: T frames.
            eye_distance: of the outer corners in the frames, px.
        """
        parts = [state.frames(slice(start, start + _CHUNK)) for start in range(0, len(state), _CHUNK)]
        seen, normals = zip(*(self._part(part, _EYE_PIXELS / eye_distance) for part in parts), strict=True)
        return torch.cat(seen), torch.cat(normals)

    def _part(self, state: ClipState, scale: float) -> tuple[Tensor, Tensor]:
        codes = {name: torch.as_tensor(values) for name, values in state.parameters(self._landmarks).items()}
        focal = codes.pop("focal") * scale
        vertices = pose_head(self._head, codes.pop("shape"), **codes).vertices
        corners = vertices[:, self._corners]
        normals = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0], dim=-1)
        normals = normals / normals.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        places = (corners * self._weights[..., None]).sum(2)
        towards = -places / places.norm(dim=-1, keepdim=True)
        facing = (((normals * towards).sum(-1) - _HIDDEN) / (_SEEN - _HIDDEN)).clamp(0, 1)
        shown = [self._shown(v.numpy(), p.numpy(), f) for v, p, f in zip(vertices, places, focal.tolist(), strict=True)]
        return facing * torch.as_tensor(np.stack(shown)), normals

    def _shown(self, vertices: np.ndarray, places: np.ndarray, focal: float) -> np.ndarray:
        """(n,) True where nothing of the mesh lies before a place."""
        pixels = focal * vertices[:, :2] / vertices[:, 2:]
        low = pixels.min(0) - 1
        width, height = np.ceil(pixels.max(0) + 1 - low).astype(int)
        depth = rasterize(pixels - low, vertices[:, 2], self._faces, int(height), int(width), cull=True)[2]
        x, y = (focal * places[:, :2] / places[:, 2:] - low).astype(int).T
        return places[:, 2] < depth[y, x] + _BEHIND
