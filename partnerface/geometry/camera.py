"""The pinhole camera in OpenCV axes (x right, y down, z forward); pixel centres at +0.5.

The functions take numpy arrays or torch tensors alike and return the kind they were given.
"""

from typing import Any

import numpy as np


def _like(value: Any, model: Any) -> Any:
    """`value` as the kind of array that `model` is."""
    if isinstance(model, np.ndarray):
        return np.asarray(value, dtype=model.dtype)
    import torch

    return torch.as_tensor(value, dtype=model.dtype, device=model.device)


def project(points: Any, focal: Any, principal_point: Any) -> Any:
    """Camera-space points to pixels: x_px = focal * x / z + cx, y_px = focal * y / z + cy.

    Args:
        points: (..., 3) metres, z > 0 in front of the camera.
        focal: focal length in pixels, a number or an array that broadcasts to (..., 2).
        principal_point: (2,) pixels; the image middle is (width / 2, height / 2).

    Returns:
        (..., 2) pixels.
    """
    return points[..., :2] / points[..., 2:] * _like(focal, points) + _like(principal_point, points)


def unproject(pixels: Any, depth: Any, focal: Any, principal_point: Any) -> Any:
    """Pixels (..., 2) with depths z (...) in metres to camera-space points (..., 3); the inverse of `project`."""
    depth = _like(depth, pixels)[..., None]
    plane = (pixels - _like(principal_point, pixels)) / _like(focal, pixels) * depth
    if isinstance(pixels, np.ndarray):
        return np.concatenate([plane, np.broadcast_to(depth, plane[..., :1].shape)], axis=-1)
    import torch

    return torch.cat([plane, depth.expand_as(plane[..., :1])], dim=-1)


def intrinsics(focal: float, principal_point: Any) -> np.ndarray:
    """The 3 x 3 matrix K (float64) with K (x, y, z) = z (x_px, y_px, 1)."""
    cx, cy = (float(value) for value in principal_point)
    return np.array([[float(focal), 0.0, cx], [0.0, float(focal), cy], [0.0, 0.0, 1.0]])


def crop_intrinsics(matrix: np.ndarray, x0: float, y0: float, scale: float) -> np.ndarray:
    """K of the image that is cropped at pixel corner (x0, y0) and then resized by `scale` (target / source size).

    Pixel corners are whole numbers because centres lie at +0.5, so the new cx is simply (cx - x0) * scale.
    """
    out = np.array(matrix, dtype=np.float64)
    out[0, 2] -= x0
    out[1, 2] -= y0
    out[:2] *= scale
    return out


def pixel_centres(height: int, width: int) -> np.ndarray:
    """(height, width, 2) float32 coordinates x, y of the pixel centres."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], axis=-1).astype(np.float32)
