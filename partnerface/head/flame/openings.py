"""Where lids and lips end on a head of any topology, found from its surface and its weights alone.

An eye's opening is what the skin leaves free around the eyeball's centre; the lips' seam is where the weight on the jaw
jumps. Measured alike on two heads, they tell which places correspond where the nearest place would be the wrong lid.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.geometry.rasterize import rasterize
from partnerface.head.flame.nearest import Hits, SurfaceIndex

#: Of the pictures in which openings are looked for: degrees and metres a pixel, half widths and heights in pixels.
DEGREES, HALF_AZIMUTH, HALF_ELEVATION = 0.5, 200, 120
SEAM_PX, SEAM_HALF = 0.0004, 125
#: The skin that an eye sees lies no farther from the eyeball's centre, as a multiple of its radius.
LID_REACH = 2.0
#: The jaw's weight jumps at the seam by more than this within STEP pixels.
JUMP, STEP = 0.35, 3
LEAST_COLUMNS = 12


@dataclass
class Opening:
    """Two chains across an eye or a mouth: the places just above and just below it, by how far along they lie.

    Attributes:
        along: (n,) 0 at the subject's right end, 1 at the left one.
        above, below: places on the surface, n each.
    """

    along: np.ndarray
    above: Hits
    below: Hits

    def at(self, along: np.ndarray) -> np.ndarray:
        """(m,) index of the place nearest to each of `along` (m,)."""
        return np.abs(self.along[None] - along[:, None]).argmin(1)


def eye_opening(skin: SurfaceIndex, centre: np.ndarray, radius: float) -> Opening | None:
    """The opening of the lids around an eyeball's centre (3,), seen from there; None where the skin leaves none."""
    from scipy.ndimage import label

    offset = skin.vertices - centre
    distance = np.linalg.norm(offset, axis=1)
    azimuth = np.degrees(np.arctan2(offset[:, 0], offset[:, 2]))
    elevation = np.degrees(np.arctan2(offset[:, 1], np.hypot(offset[:, 0], offset[:, 2])))
    pixels = np.stack([azimuth / DEGREES + HALF_AZIMUTH, HALF_ELEVATION - elevation / DEGREES], 1)
    # Triangles across the seam behind the head would be smeared over the whole picture.
    near = (distance < LID_REACH * radius) & (np.abs(azimuth) < 150)
    chosen = np.flatnonzero(near[skin.faces].all(1))
    if len(chosen) == 0:
        return None
    face, weights, _ = rasterize(
        pixels, np.maximum(distance, 1e-6), skin.faces[chosen], 2 * HALF_ELEVATION, 2 * HALF_AZIMUTH
    )
    pieces, _ = label(face < 0)  # type: ignore[misc]
    opening = pieces == pieces[HALF_ELEVATION, HALF_AZIMUTH]
    if face[HALF_ELEVATION, HALF_AZIMUTH] >= 0 or opening[0].any() or opening[-1].any():
        return None
    columns = np.flatnonzero(opening.any(0))
    if len(columns) < LEAST_COLUMNS or columns[0] == 0 or columns[-1] == 2 * HALF_AZIMUTH - 1:
        return None
    top = opening[:, columns].argmax(0) - 1
    bottom = 2 * HALF_ELEVATION - opening[::-1, columns].argmax(0)
    return _chains(skin, chosen, face, weights, columns, top, bottom)


def lip_seam(skin: SurfaceIndex, eyes: np.ndarray) -> Opening | None:
    """The seam of the lips, seen from the front; None where the jaw's weight jumps nowhere below the eyes (2, 3)."""
    middle, distance = eyes.mean(0), np.linalg.norm(eyes[0] - eyes[1])
    # A mouth lies about one distance of the eyes below them.
    x = (skin.vertices[:, 0] - middle[0]) / SEAM_PX + SEAM_HALF
    y = (middle[1] - 0.5 * distance - skin.vertices[:, 1]) / SEAM_PX
    height = int(1.2 * distance / SEAM_PX)
    depth = skin.vertices[:, 2].max() - skin.vertices[:, 2] + 0.1
    facing = np.flatnonzero((skin.vertices[skin.faces, 2] > middle[2] - 0.5 * distance).all(1))
    face, weights, _ = rasterize(np.stack([x, y], 1), depth, skin.faces[facing], height, 2 * SEAM_HALF, False)
    there = face >= 0
    jaw = np.where(there, (skin.jaw[skin.faces[facing]][face] * weights).sum(-1), 0)
    jump = jaw[2 * STEP :] - jaw[: -2 * STEP]
    jump[~(there[2 * STEP :] & there[: -2 * STEP])] = 0
    columns = np.flatnonzero(jump.max(0) > JUMP)
    # The longest run without a gap.
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 2) + 1)
    columns = max(runs, key=len)
    if len(columns) < LEAST_COLUMNS:
        return None
    row = jump[:, columns].argmax(0)
    return _chains(skin, facing, face, weights, columns, row, row + 2 * STEP)


def _chains(
    skin: SurfaceIndex,
    chosen: np.ndarray,
    face: np.ndarray,
    weights: np.ndarray,
    columns: np.ndarray,
    top: np.ndarray,
    bottom: np.ndarray,
) -> Opening | None:
    good = (face[top, columns] >= 0) & (face[bottom, columns] >= 0)
    along = (columns - columns[0]) / max(columns[-1] - columns[0], 1)
    if good.sum() < LEAST_COLUMNS:
        return None
    columns, top, bottom = columns[good], top[good], bottom[good]
    above, below = (
        skin.at(chosen[face[row, columns]], weights[row, columns].astype(np.float64)) for row in (top, bottom)
    )
    return Opening(along[good], above, below)
