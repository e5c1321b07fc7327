"""What is not skin: eyeballs, teeth and tongue, each a surface of its own. Metres, axes and origin of the skin."""

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
    """A broad body that fills the floor of the mouth, arched behind, its tip low and thin behind the teeth; `middle` is
    the middle of its upper side."""
    rings, segments = 8, 14
    points = []
    for polar in np.linspace(0.0, np.pi, rings + 2)[1:-1]:
        angle = 2 * np.pi * np.arange(segments) / segments
        x, z = np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle)
        y = np.full(segments, np.cos(polar)) - 0.22 * (np.cos(polar) > 0) * np.exp(-((x / 0.28) ** 2))
        points.append(np.stack([x, y, z], 1))
    unit = np.concatenate([*points, [[0.0, 0.78, 0.0], [0.0, -1.0, 0.0]]])
    x, y, z = unit.T
    forward = np.clip(z, 0, 1)
    place = np.stack([0.0195 * x * (1 - 0.25 * forward**2), 0.0100 * y * (1 - 0.55 * forward), 0.0250 * z], 1)
    place[:, 1] -= 0.0078 + 0.0050 * forward**2
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
    return Part(middle + place, faces)
