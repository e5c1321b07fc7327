"""What is not skin: eyeballs, teeth, tongue, ears, each a surface of its own. Metres, axes and origin of the skin."""

from dataclasses import dataclass

import numpy as np

IRIS_RADIUS = 0.0059  # adults differ by hardly more than 0.0005
EYE_SEGMENTS = 16
TEETH_COLUMNS = 29


@dataclass
class Part:
    """A surface: vertices (n, 3) and triangles (m, 3) that index them."""

    vertices: np.ndarray
    faces: np.ndarray

    def mirrored(self) -> "Part":
        """The part on the other side of the head."""
        return Part(self.vertices * [-1, 1, 1], self.faces[:, ::-1])


def _grid(rows: int, columns: int, closed: bool) -> np.ndarray:
    """Triangles of a grid of rows x columns vertices; `closed` joins the last column to the first."""
    out = []
    for row in range(rows - 1):
        for column in range(columns if closed else columns - 1):
            a, b = row * columns + column, row * columns + (column + 1) % columns
            c, d = a + columns, b + columns
            middle = column < columns // 2
            out += [(a, c, b), (b, c, d)] if middle else [(a, c, d), (a, d, b)]
    return np.array(out, dtype=np.int64)


def eyeball(centre: np.ndarray, radius: float) -> Part:
    """A ball that looks along +z; one ring of its vertices is the edge of the iris."""
    iris = np.arcsin(IRIS_RADIUS / radius)
    rings = np.concatenate(
        [iris * np.array([0.40, 0.75, 1.0]), iris + (np.pi - iris) * np.array([0.09, 0.19, 0.3, 0.43, 0.6, 0.8])]
    )
    angle = 2 * np.pi * np.arange(EYE_SEGMENTS) / EYE_SEGMENTS
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    points = [np.array([[0.0, 0.0, 1.0]])]
    for polar in rings:
        points.append(np.concatenate([np.sin(polar) * ring, np.full((EYE_SEGMENTS, 1), np.cos(polar))], 1))
    points.append(np.array([[0.0, 0.0, -1.0]]))
    last = 1 + len(rings) * EYE_SEGMENTS
    around = np.arange(EYE_SEGMENTS)
    following = (around + 1) % EYE_SEGMENTS
    front = np.stack([np.zeros_like(around), 1 + around, 1 + following], 1)
    tail = last - EYE_SEGMENTS
    back = np.stack([np.full_like(around, last), tail + following, tail + around], 1)
    side = _grid(len(rings), EYE_SEGMENTS, True) + 1
    return Part(centre + radius * np.concatenate(points), np.concatenate([front, side, back]))


def iris_vertices() -> list[int]:
    """Vertices of either eyeball at MediaPipe's five iris points: middle, the subject's left, top, right, bottom."""
    ring, quarter = 1 + 2 * EYE_SEGMENTS, EYE_SEGMENTS // 4
    return [0, ring, ring + quarter, ring + 2 * quarter, ring + 3 * quarter]


def teeth(front: np.ndarray, upper: bool) -> Part:
    """A row of teeth with gum on a parabolic arch; `front` is the middle of the biting edge, on the outer side."""
    half, depth = (0.0275, 0.034) if upper else (0.0255, 0.032)
    t = np.linspace(-1, 1, TEETH_COLUMNS)
    x = half * np.sin(t * np.pi / 2)
    z = -depth * (x / half) ** 2
    tangent = np.stack([np.gradient(x), np.gradient(z)], 1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    inward = np.stack([tangent[:, 1], -tangent[:, 0]], 1)  # in the plane x, z
    inward *= np.where(inward[:, 1:] > 0, -1, 1)
    # Between two teeth the outside is a little farther in.
    groove = 0.0004 * ((np.arange(TEETH_COLUMNS) + 1) % 2)
    up = 1.0 if upper else -1.0
    rows = []
    for height, thick in (
        (0.0135, 0.0006),
        (0.0095, 0.0),
        (0.0045, -0.0003),
        (0.0, 0.0004),
        (0.0, 0.0026),
        (0.006, 0.005),
    ):
        shift = thick + groove * (height < 0.009)
        place = np.stack([x, np.zeros_like(x), z], 1)
        place[:, [0, 2]] += inward * shift[:, None] if np.ndim(shift) else inward * shift
        place[:, 1] = up * height
        rows.append(front + place)
    faces = _grid(len(rows), TEETH_COLUMNS, False)
    return Part(np.concatenate(rows), faces if upper else faces[:, ::-1])


def tongue(middle: np.ndarray) -> Part:
    """A flat ellipsoid with a groove; `middle` is the middle of its upper side."""
    rings, segments = 7, 12
    points = []
    for polar in np.linspace(0.0, np.pi, rings + 2)[1:-1]:
        angle = 2 * np.pi * np.arange(segments) / segments
        x, z = np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle)
        y = np.full(segments, np.cos(polar)) - 0.25 * (np.cos(polar) > 0) * np.exp(-((x / 0.3) ** 2))
        points.append(np.stack([0.018 * x, 0.006 * y - 0.006, 0.023 * z], 1))
    top, bottom = np.array([[0.0, -0.0015, 0.0]]), np.array([[0.0, -0.012, 0.0]])
    count = rings * segments
    around = np.arange(segments)
    following = (around + 1) % segments
    faces = np.concatenate(
        [
            _grid(rings, segments, True)[:, ::-1],
            np.stack([np.full(segments, count), following, around], 1),
            np.stack([np.full(segments, count + 1), count - segments + around, count - segments + following], 1),
        ]
    )
    return Part(middle + np.concatenate([*points, top, bottom]), faces)


def left_ear(tragus: np.ndarray) -> Part:
    """The left ear; `tragus` is the place of its foremost middle, on the side of the head.

    Drawn in its own plane (u backwards, v up, w away from the head), then tilted back and turned out.
    """
    segments = 22
    angle = 2 * np.pi * np.arange(segments) / segments
    # Outline: an egg, broad above, with a lobe below.
    u = 0.0165 * np.cos(angle) * (1 + 0.16 * np.sin(angle)) + 0.014
    v = 0.0315 * np.sin(angle) + 0.004
    outline = np.stack([u, v], 1)
    concha = np.array([0.009, 0.0005])
    lobe = np.exp(-(((angle + np.pi / 2 + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.5)
    free = 0.5 + 0.5 * np.cos(angle)  # 1 at the free rear edge, 0 where the ear joins the head
    points = []
    # From the concha's bottom over its wall, the antihelix and the groove to the rolled rim, and around to the back.
    for along, rise in (
        (0.0, -0.0065),
        (0.30, -0.0060),
        (0.45, 0.0005),
        (0.62, 0.0018),
        (0.80, -0.0004),
        (0.94, 0.0024),
        (1.0, 0.0006),
    ):
        flat = concha + along * (outline - concha)
        height = rise * (1 - 0.7 * lobe * (along > 0.5)) * (0.35 + 0.65 * np.maximum(free, np.abs(np.sin(angle))))
        points.append(np.concatenate([flat, height[:, None]], 1))
    for along, fall in ((0.96, -0.0030), (0.72, -0.0050), (0.5, -0.013)):
        flat = concha + along * (outline - concha)
        points.append(np.concatenate([flat, np.full((segments, 1), fall)], 1))
    rows = len(points)
    plane = np.concatenate(points)
    plane[:segments, :2] = concha + 0.12 * (outline - concha)
    middle = np.array([[*concha, -0.007]])
    around = np.arange(segments)
    following = (around + 1) % segments
    faces = np.concatenate(
        [_grid(rows, segments, True), np.stack([np.full(segments, rows * segments), around, following], 1)]
    )
    plane = np.concatenate([plane, middle])
    out, tilt = np.radians(27), np.radians(12)
    u, v, w = (
        plane[:, 0] * np.cos(tilt) + plane[:, 1] * np.sin(tilt),
        plane[:, 1] * np.cos(tilt) - plane[:, 0] * np.sin(tilt),
        plane[:, 2],
    )
    x = w * np.cos(out) + u * np.sin(out)
    z = -u * np.cos(out) + w * np.sin(out)
    return Part(tragus + np.stack([x, v, z], 1), faces)
