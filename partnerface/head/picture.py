"""A shaded picture of a posed head, to look at: every surface in a plain colour of its own, lit from above.

Parallel projection along a turned head's axes, no camera; for pictures of a tracked head see `partnerface.tracking`.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.mesh import vertex_normals
from partnerface.geometry.rasterize import interpolate, rasterize
from partnerface.head.model import HeadModel
from partnerface.head.points import LEFT_IRIS, RIGHT_IRIS

#: sRGB of each class; what is not named is skin.
COLOURS = {
    "skin": (0.80, 0.63, 0.54),
    "brows": (0.50, 0.37, 0.30),
    "eyes": (0.93, 0.92, 0.90),
    "nose": (0.80, 0.63, 0.54),
    "lips": (0.73, 0.42, 0.39),
    "mouth_inside": (0.42, 0.17, 0.17),
    "ears": (0.80, 0.61, 0.52),
    "hair": (0.60, 0.50, 0.44),
    "neck": (0.78, 0.61, 0.52),
}
IRIS, PUPIL, PUPIL_SHARE = (0.33, 0.42, 0.45), (0.05, 0.05, 0.06), 0.38
BEHIND = (0.55, 0.20, 0.75)  # of a surface seen from its inner side, which never happens on a sound head
BACKGROUND = (0.96, 0.96, 0.95)
#: Directions to the lights in head axes as seen (x right, y up, z to the viewer), and how strong they are.
LIGHTS = (((-0.45, 0.65, 0.75), 0.62), ((0.8, 0.1, 0.5), 0.16))
AMBIENT = 0.30
#: Metres from the top to the bottom of the picture, and the height in head axes of its middle.
EXTENT, MIDDLE = 0.31, -0.005


@dataclass(frozen=True)
class View:
    """Where a head is seen from: turned by `yaw` and `pitch` radians, `height` metres of it around `middle`."""

    yaw: float = 0.0
    pitch: float = 0.0
    height: float = EXTENT
    middle: tuple[float, float, float] = (0.0, MIDDLE, 0.0)

    def turn(self) -> np.ndarray:
        """(3, 3) from head axes to those of the viewer: x right, y up, z towards him."""
        cy, sy, cp, sp = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        return np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])


def vertex_colours(head: HeadModel, parts: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """(V, 3) sRGB of the head's vertices by their class; `parts` of the built-in head tell teeth and tongue apart."""
    colours = np.array([COLOURS.get(name, COLOURS["skin"]) for name in CLASS_NAMES])[head.regions]
    for name, colour in (("upper_teeth", (0.93, 0.91, 0.85)), ("lower_teeth", (0.93, 0.91, 0.85))):
        if parts and name in parts:
            ids = parts[name].reshape(-1)
            colours[ids] = colour
    if parts and "tongue" in parts:
        colours[parts["tongue"]] = (0.72, 0.36, 0.37)
    return colours


def draw(
    head: HeadModel, vertices: np.ndarray, colours: np.ndarray, view: View, size: tuple[int, int], over: int = 2
) -> np.ndarray:
    """A picture of a posed head.

    Args:
        vertices: (V, 3) posed, metres, the head's own axes.
        colours: (V, 3) sRGB.
        size: height and width in px.
        over: drawn so many times as large and averaged.

    Returns:
        (height, width, 3) float32 sRGB.
    """
    height, width = size[0] * over, size[1] * over
    seen = (vertices - view.middle) @ view.turn().T
    scale = height / view.height
    pixels = np.stack([width / 2 + scale * seen[:, 0], height / 2 - scale * seen[:, 1]], 1)
    face, weights, _ = rasterize(pixels, 1.0 - seen[:, 2], head.faces, height, width, perspective=False)
    normals = interpolate(face, weights, head.faces, vertex_normals(seen, head.faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    light = np.full(face.shape, AMBIENT)
    for direction, strength in LIGHTS:
        light += strength * np.clip(normals @ (np.array(direction) / np.linalg.norm(direction)), 0, None)
    # Colours are mixed and lit as they are, without gamma: a drawing, no photograph.
    colour = interpolate(face, weights, head.faces, colours) * np.minimum(light, 1.1)[..., None]
    _irises(head, face, weights, light, colour)
    behind = (face >= 0) & (_facing(seen, head.faces)[face] < 0)
    colour[behind] = np.array(BEHIND) * light[behind][:, None]
    colour[face < 0] = BACKGROUND
    return np.clip(colour.reshape(size[0], over, size[1], over, 3).mean((1, 3)), 0, 1).astype(np.float32)


def _facing(seen: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,) positive where a triangle's outer side is turned to the viewer."""
    a, b, c = (seen[faces[:, corner], :2] for corner in range(3))
    u, v = b - a, c - a
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def _irises(head: HeadModel, face: np.ndarray, weights: np.ndarray, light: np.ndarray, colour: np.ndarray) -> None:
    """Paint irises and pupils: what of the eyeballs lies at rest within the iris landmarks."""
    rest = interpolate(face, weights, head.faces, head.template)
    eyes = np.zeros((len(head.template), 1))
    eyes[head.regions == CLASS_NAMES.index("eyes")] = 1
    on_eye = interpolate(face, weights, head.faces, eyes)[..., 0] > 0.99
    places = (head.template[head.mediapipe_faces] * head.mediapipe_weights[..., None]).sum(1)
    for iris in (RIGHT_IRIS, LEFT_IRIS):
        radius = np.linalg.norm(places[list(iris[1:])] - places[iris[0]], axis=1).mean()
        away = np.linalg.norm(rest - places[iris[0]], axis=-1)
        for share, paint in ((1.0, IRIS), (PUPIL_SHARE, PUPIL)):
            inside = on_eye & (away < share * radius)
            colour[inside] = np.array(paint) * light[inside][:, None]
