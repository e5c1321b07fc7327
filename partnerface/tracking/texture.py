"""What the frames show at places of the skin, free of light: the raw material of the photometric refinement."""

import cv2
import numpy as np
import torch
from torch import Tensor

from partnerface.conventions import CLASS_NAMES
from partnerface.head.model import HeadModel
from partnerface.tracking.scheme import LEFT_IRIS, RIGHT_IRIS

#: Frames are shrunk until the outer eye corners lie so many pixels apart; finer detail helps less than it costs.
WORKING_SIZE = 64.0
# Widths (working pixels) of the Gaussians between which detail is kept: finer is noise, coarser is shading.
_FINE, _COARSE = 1.2, 6.0
# Contrast (of the logarithm of brightness) that is taken for none.
_FLAT = 0.03
_SKIN = tuple(CLASS_NAMES.index(name) for name in ("skin", "brows", "nose", "lips"))
# Beyond this distance from every landmark the surface's shape is a guess.
_REACH = 0.012


def skin_points(model: HeadModel, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places spread evenly over the face's skin: vertex ids (n, 3) and barycentric weights (n, 3).

    Eyeballs and the inside of the mouth are left out, since what they show moves in its own way.
    """
    skip = [*LEFT_IRIS, *RIGHT_IRIS]
    landmarks = np.einsum("lk,lkc->lc", model.mediapipe_weights, model.template[model.mediapipe_faces])
    landmarks = np.delete(landmarks, skip, axis=0)
    corners = model.template[model.faces]
    middle = corners.mean(1)
    near = np.array([((landmarks - point) ** 2).sum(1).min() for point in middle]) < _REACH**2
    skin = np.isin(model.regions[model.faces], _SKIN).all(1)
    chosen = np.flatnonzero(near & skin)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)[chosen]
    rng = np.random.default_rng(seed)
    # Steps of equal area rather than draws: no place is hit twice while its neighbour is missed.
    stops = (np.arange(count) + rng.random(count)) / count * area.sum()
    triangles = chosen[np.minimum(np.searchsorted(np.cumsum(area), stops), len(chosen) - 1)]
    return model.faces[triangles], rng.dirichlet(np.ones(3), count)


def detail(frames: np.ndarray, eye_distance: float) -> tuple[Tensor, float]:
    """The frames' local detail, (N, h, w) float32 of about unit size, and the factor by which they were shrunk.

    Light and shade change slowly over the skin and multiply: they leave with the logarithm and the band-pass. What is
    left is divided by its local size, so that a shaded cheek says as much as a lit one.

    Args:
        frames: (N, H, W, 3) uint8, may be a memory map.
        eye_distance: of the outer corners, px.
    """
    scale = min(1.0, WORKING_SIZE / eye_distance)
    out = []
    for frame in frames:
        grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        logarithm = np.log(grey + 0.05)
        band = cv2.GaussianBlur(logarithm, (0, 0), _FINE) - cv2.GaussianBlur(logarithm, (0, 0), _COARSE)
        out.append(band / np.sqrt(cv2.GaussianBlur(band * band, (0, 0), _COARSE) + _FLAT**2))
    return torch.as_tensor(np.stack(out)), out[0].shape[0] / frames.shape[1]


def sample(images: Tensor, pixels: Tensor) -> Tensor:
    """Bilinear values (T, n) of images (T, h, w) at pixels (T, n, 2), centres at +0.5."""
    height, width = images.shape[1:]
    size = torch.tensor([width, height], dtype=images.dtype)
    grid = pixels.to(images.dtype) / size * 2 - 1
    values = torch.nn.functional.grid_sample(
        images[:, None], grid[:, :, None], align_corners=False, padding_mode="border"
    )
    return values[:, 0, :, 0]


def gradient(images: Tensor, pixels: Tensor, step: float = 0.7) -> Tensor:
    """Central differences (T, n, 2) of images (T, h, w) at pixels (T, n, 2)."""
    along = []
    for axis in range(2):
        shift = torch.zeros(2, dtype=pixels.dtype)
        shift[axis] = step
        along.append((sample(images, pixels + shift) - sample(images, pixels - shift)) / (2 * step))
    return torch.stack(along, dim=-1)
