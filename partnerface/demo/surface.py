"""What the demo's head and shoulders look like: texture coordinates, colours, and a painted eye."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.demo.portrait import FOCAL, Portrait
from partnerface.geometry.camera import project
from partnerface.geometry.mesh import vertex_normals
from partnerface.geometry.rasterize import rasterize
from partnerface.head.builtin import builtin_parts
from partnerface.head.model import HeadModel

LINING, GUM, TOOTH, TONGUE = (0.36, 0.13, 0.12), (0.70, 0.40, 0.38), (0.93, 0.90, 0.84), (0.70, 0.35, 0.33)
SCLERA, IRIS, PUPIL = (0.86, 0.83, 0.80), (0.34, 0.30, 0.20), (0.03, 0.03, 0.03)
LASHES = (0.20, 0.14, 0.11)
COLLAR, JACKET = (0.11, 0.11, 0.13), (0.20, 0.24, 0.33)
PUPIL_RADIUS = 0.40  # of the iris


@dataclass
class Surface:
    """Per vertex: place in the texture (V, 2) px, how far the texture counts (V,), own colour (V, 3) sRGB, and the
    normal (V, 3) with which the portrait was lit. Texture (h, w, 3) float32."""

    uv: np.ndarray
    trust: np.ndarray
    colour: np.ndarray
    lit_normal: np.ndarray
    texture: np.ndarray


def _smoothstep(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _extended(portrait: Portrait) -> np.ndarray:
    """The portrait with every pixel outside the person replaced by the nearest one well inside."""
    from scipy.ndimage import binary_erosion, distance_transform_edt

    inside: Any = binary_erosion(portrait.mask > 0.6, iterations=5)
    nearest: Any = distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return portrait.image[nearest[0], nearest[1]]


def _visible(vertices: np.ndarray, pixels: np.ndarray, faces: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(V,) bool: not hidden behind another part of the head."""
    _, _, depth = rasterize(pixels, vertices[:, 2], faces, shape[0], shape[1])
    column = np.clip(pixels[:, 0].astype(int), 0, shape[1] - 1)
    row = np.clip(pixels[:, 1].astype(int), 0, shape[0] - 1)
    return vertices[:, 2] < depth[row, column] + 0.003


def paint_head(head: HeadModel, vertices: np.ndarray, portrait: Portrait) -> Surface:
    """Texture and colours of the head from the portrait that it was fitted to.

    Args:
        head: the model.
        vertices: (V, 3) the fitted head in camera space, hair included.
        portrait: what it was fitted to.
    """
    from scipy.spatial import KDTree

    pixels = project(vertices, FOCAL, portrait.principal_point)
    normals = vertex_normals(vertices, head.faces)
    view = -vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    trust = _smoothstep(((normals * view).sum(1) - 0.08) / 0.25)
    trust *= _visible(vertices, pixels, head.faces, portrait.mask.shape)
    number = CLASS_NAMES.index
    parts = builtin_parts()
    plain = np.zeros(head.n_vertices, dtype=bool)  # no texture: mouth, eyes, lid margins, and the neck under its collar
    plain[np.isin(head.regions, [number("mouth_inside"), number("eyes"), number("neck")])] = True
    plain[np.concatenate([parts["left_lid"].ravel(), parts["right_lid"].ravel()])] = True
    trust[plain] = 0

    texture = _extended(portrait)
    row, column = (np.clip(pixels[:, axis].astype(int), 0, texture.shape[1 - axis] - 1) for axis in (1, 0))
    seen = texture[row, column]
    colour = np.zeros((head.n_vertices, 3))
    hair = head.regions == number("hair")
    for kind in (hair, ~hair):
        known = kind & (trust > 0.6)
        distance, nearest = KDTree(head.template[known]).query(head.template[kind], k=24)
        weight = 1 / (distance + 0.004)
        colour[kind] = (seen[known][nearest] * weight[..., None]).sum(1) / weight.sum(1, keepdims=True)
    cheeks = seen[[50, 280, 205, 425]].mean(0)
    neck = head.regions == number("neck")
    colour[neck] = 0.5 * colour[neck] + 0.5 * cheeks * [0.86, 0.82, 0.80]
    for side in ("left_lid", "right_lid"):
        colour[parts[side].ravel()] = cheeks * [0.78, 0.58, 0.54]
        # The loop runs from the outer corner (0) over the upper lid to the inner corner (8): lashes darken it.
        colour[parts[side][:, :8].ravel()] = LASHES
    _paint_mouth(head, parts, colour)
    return Surface(pixels, trust, colour, normals, texture)


def _paint_mouth(head: HeadModel, parts: dict[str, np.ndarray], colour: np.ndarray) -> None:
    inside = head.regions == CLASS_NAMES.index("mouth_inside")
    # The deeper, the darker.
    front = head.template[parts["upper_teeth"]][:, 2].max()
    depth = np.clip((front - head.template[:, 2]) / 0.055, 0, 1)[:, None]
    colour[inside] = ((1 - 0.65 * depth) * LINING)[inside]
    colour[parts["tongue"]] = ((1 - 0.7 * depth) * TONGUE)[parts["tongue"]]
    for name in ("upper_teeth", "lower_teeth"):
        ids = parts[name].reshape(-1, len(parts[name]) // 6)  # rows from the gum over the edge to the inside
        shade = (1 - 0.5 * depth[ids]) * np.array(TOOTH)
        shade[:, ::2] *= 0.82  # between two teeth
        shade[0] = (1 - 0.5 * depth[ids[0]]) * np.array(GUM)
        shade[4:] *= 0.6
        colour[ids] = shade


def eye_colour(direction: np.ndarray, iris_angle: float) -> np.ndarray:
    """Colours (n, 3) of an eyeball in unit directions (n, 3) from its centre; +z is where it looks."""
    angle = np.arccos(np.clip(direction[:, 2], -1, 1)) / iris_angle  # 1 at the edge of the iris
    around = np.arctan2(direction[:, 1], direction[:, 0])
    fibres = 1 + 0.12 * np.sin(23 * around) * np.sin(11 * around + 2)
    iris = np.array(IRIS) * (fibres * (0.75 + 0.45 * np.clip(1.2 - angle, 0, 1)))[:, None]
    iris *= (1 - 0.55 * _smoothstep((angle - 0.82) / 0.18))[:, None]
    white = np.array(SCLERA) * (1 - 0.16 * np.clip(angle - 1.4, 0, 1))[:, None]
    to_pupil = _smoothstep((PUPIL_RADIUS + 0.05 - angle) / 0.10)[:, None]
    to_white = _smoothstep((angle - 0.93) / 0.14)[:, None]
    return (iris * (1 - to_pupil) + np.array(PUPIL) * to_pupil) * (1 - to_white) + white * to_white


def torso(neck_base: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shoulders in a rolled collar: vertices (n, 3) in the head's rest axes, faces (m, 3), colours (n, 3).

    Args:
        neck_base: (3,) the joint about which the head turns.
    """
    segments = 64
    angle = 2 * np.pi * np.arange(segments) / segments
    rows, colours = [], []
    for up, wide, deep, colour in (
        (0.046, 0.060, 0.060, COLLAR), (0.062, 0.065, 0.064, COLLAR), (0.056, 0.070, 0.069, COLLAR),
        (0.026, 0.074, 0.072, COLLAR),
        (0.008, 0.079, 0.075, COLLAR), (0.002, 0.090, 0.080, JACKET), (-0.016, 0.125, 0.092, JACKET),
        (-0.038, 0.165, 0.104, JACKET),
        (-0.072, 0.196, 0.112, JACKET), (-0.13, 0.212, 0.120, JACKET), (-0.40, 0.215, 0.125, JACKET),
    ):  # fmt: skip
        rows.append(neck_base + np.stack([wide * np.sin(angle), np.full(segments, up), deep * np.cos(angle)], 1))
        colours.append(np.tile(colour, (segments, 1)))
    around = np.arange(segments)
    following = (around + 1) % segments
    faces = []
    for row in range(len(rows) - 1):
        a, b = row * segments + around, row * segments + following
        faces += [np.stack([a, a + segments, b], 1), np.stack([b, a + segments, b + segments], 1)]
    return np.concatenate(rows), np.concatenate(faces), np.concatenate(colours)
