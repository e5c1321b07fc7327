"""The frames as the refinement sees them: logarithms of brightness, in which light and colour of the skin add up."""

import cv2
import numpy as np
import torch
from torch import Tensor

#: Frames are shrunk until the outer eye corners lie so many pixels apart; finer detail helps less than it costs.
WORKING_SIZE = 80.0
# Width (working pixels) of the Gaussian before sampling: less is noise, more takes the lids' margins away.
_BLUR = 0.8
# Added to the brightness (0..1) so that noise in the dark counts for no more than elsewhere.
_DARK = 0.05


def logarithms(frames: np.ndarray, eye_distance: float) -> tuple[Tensor, float]:
    """Logarithm of brightness, (N, h, w) float16, and the factor by which the frames were shrunk.

    Args:
        frames: (N, H, W, 3) uint8, may lie on disk.
        eye_distance: of the outer corners, px.
    """
    scale = min(1.0, WORKING_SIZE / eye_distance)
    height, width = (max(8, round(scale * edge)) for edge in frames.shape[1:3])
    out = torch.empty(len(frames), height, width, dtype=torch.float16)
    for number in range(len(frames)):
        grey = cv2.cvtColor(np.ascontiguousarray(frames[number]), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        if (height, width) != grey.shape:
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        out[number] = torch.from_numpy(cv2.GaussianBlur(np.log(grey + _DARK), (0, 0), _BLUR))
    return out, width / frames.shape[2]


def sample(images: Tensor, pixels: Tensor) -> Tensor:
    """Bilinear values (T, n) of images (T, h, w) at pixels (T, n, 2), centres at +0.5."""
    height, width = images.shape[1:]
    size = torch.tensor([width, height], dtype=pixels.dtype)
    grid = (pixels / size * 2 - 1)[:, :, None]
    values = torch.nn.functional.grid_sample(
        images[:, None].to(pixels.dtype), grid, align_corners=False, padding_mode="border"
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
