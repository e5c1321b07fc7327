"""Hair: the cranium of the fitted head grows until its silhouette is that of the portrait."""

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.demo.portrait import FOCAL, Portrait
from partnerface.geometry.camera import project
from partnerface.geometry.rasterize import rasterize
from partnerface.head.model import HeadModel

ANGLES = 180
GROWN = 0.035  # metres behind the hairline where the hair has its whole thickness
LOWEST = np.radians(118)  # from straight up: below it there is neck and no hair
BACKWARD = 0.6  # of the sideways growth goes to the back of the head, which the portrait does not show


def _outline(mask: np.ndarray, centre: np.ndarray, angles: np.ndarray, longest: float) -> np.ndarray:
    """(n,) distance, px, at which rays from `centre` leave `mask` > 0.5; angles from straight up, clockwise."""
    steps = np.arange(0, longest, 0.5)
    x = centre[0] + np.sin(angles)[:, None] * steps
    y = centre[1] - np.cos(angles)[:, None] * steps
    height, width = mask.shape
    inside = mask[np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)] > 0.5
    return steps[np.where(inside.all(1), len(steps) - 1, inside.argmin(1))]


def hair_offset(head: HeadModel, vertices: np.ndarray, rotation: np.ndarray, portrait: Portrait) -> np.ndarray:
    """(V, 3) metres in rest space: where the hair lies, beyond the bare head.

    Args:
        head: the model.
        vertices: (V, 3) the fitted head in camera space.
        rotation: (3, 3) of the head, rest → camera.
        portrait: with the person's mask.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.spatial import KDTree

    hair = head.regions == CLASS_NAMES.index("hair")
    skin = head.regions == CLASS_NAMES.index("skin")
    pixels = project(vertices, FOCAL, portrait.principal_point)
    height, width = portrait.mask.shape
    drawn, _, _ = rasterize(
        pixels, vertices[:, 2], head.faces[hair[head.faces].any(1) | skin[head.faces].any(1)], height, width
    )
    centre = pixels[hair].mean(0)
    angles = np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)
    bare = _outline(drawn >= 0, centre, angles, width / 2)
    full = _outline(portrait.mask, centre, angles, width / 2)
    growth = np.where(np.abs(angles) < LOWEST, np.maximum(full / np.maximum(bare, 1) - 1, 0), 0)
    growth = gaussian_filter1d(growth, 2.0, mode="wrap")

    relative = pixels - centre
    angle = np.arctan2(relative[:, 0], -relative[:, 1])
    own = np.interp(angle, np.append(angles, np.pi), np.append(growth, growth[0]))
    distance = KDTree(head.template[skin]).query(head.template)[0]
    # Thickness grows from the hairline like the square root: hair stands up at once, then lies parallel to the skull.
    grown = np.sqrt(np.clip(distance / GROWN, 0, 1)) * hair
    middle = vertices[hair].mean(0)
    out = np.zeros_like(vertices)
    out[:, :2] = (vertices - middle)[:, :2] * own[:, None]
    mean = float(growth[np.abs(angles) < np.pi / 2].mean())
    out[:, 2] = np.maximum(vertices[:, 2] - middle[2], 0) * mean * BACKWARD
    return ((out * grown[:, None]) @ rotation).astype(np.float32)
