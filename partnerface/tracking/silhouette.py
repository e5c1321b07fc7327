"""The subject's outline: how far hair and skull stand off the model, from the person's masks of some frames.

Where the posed mesh ends in the picture, the mask is searched for its own end along the surface's normal; over the
frames each vertex gathers such distances, and the smoothest field of offsets along the normals that meets them is
added to the template. What the landmarks know, the front of the face, stays.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from partnerface.geometry.mesh import laplacian, vertex_normals
from partnerface.geometry.rasterize import rasterize
from partnerface.head import points
from partnerface.head.model import HeadModel
from partnerface.head.posing import posed_vertices

#: Offsets inwards and outwards at most, metres.
INWARDS, OUTWARDS = 0.010, 0.060
#: Times the outline is looked for anew: where the mesh ends moves with it.
ROUNDS = 4
#: Bumps smaller than this are noise, metres.
SMOOTH = 0.02
#: The share of the distances that lie below the one that is believed: loose hair stands off in some frames only.
BELIEVED = 0.35
#: So many distances make a vertex as sure as it gets.
ENOUGH = 6
# A vertex is at the outline where the cosine of its normal to the line of sight is below this; it rides on the skull so
# far alone; and it is held where a landmark inside of the face's outline is nearer than this, metres.
_ACROSS, _RIDES, _HELD = 0.35, 0.9, 0.025
_HOLD, _REST = 100.0, 0.01
_STEP_PX = 0.5


def outline_offset(
    model: HeadModel, tracking: dict[str, np.ndarray], index: np.ndarray, masks: Iterable[np.ndarray]
) -> np.ndarray:
    """Offsets (V, 3), metres, rest space, that bring the head's outline to that of the masks.

    Args:
        model: the head with the subject's own surface.
        tracking: the arrays of tracking.npz.
        index: (K,) frames.
        masks: their (h, w) masks from 0 to 1, which cover the frames whatever their resolution.
    """
    masks = [np.asarray(mask, np.float32) for mask in masks]
    free, held = _free(model)
    operator, area = laplacian(model.template.astype(np.float64), model.faces)
    along = vertex_normals(model.template.astype(np.float64), model.faces)
    distance = np.zeros(model.n_vertices)
    for _ in range(ROUNDS):
        posed = posed_vertices(model.with_offset(distance[:, None] * along), tracking, index)
        gathered: list[list[float]] = [[] for _ in range(model.n_vertices)]
        for k, vertices, mask in zip(index, posed, masks, strict=True):
            scale = mask.shape[1] / int(tracking["image_size"])
            camera = scale * float(tracking["focal"][k]), scale * tracking["principal_point"][k]
            for vertex, gap in zip(*_gaps(vertices, model.faces, mask, *camera), strict=True):
                gathered[vertex].append(gap)
        seen = np.array([len(gaps) for gaps in gathered])
        usual = np.array([np.quantile(gaps, BELIEVED) if gaps else 0.0 for gaps in gathered])
        sure = np.where(free, np.minimum(seen / ENOUGH, 1.0), 0.0)
        wanted = np.clip(distance + usual, -INWARDS, OUTWARDS)
        distance = _smoothest(operator, area, sure, wanted, held)
    return (distance[:, None] * along).astype(np.float32)


def _free(model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """(V,) bool each: vertices that may be moved by what is seen, and those that stay."""
    from scipy.spatial import KDTree

    inside = np.setdiff1d(np.arange(points.COUNT), points.OVAL)
    corners = model.template[model.mediapipe_faces[inside]]
    landmarks = np.einsum("lk,lkc->lc", model.mediapipe_weights[inside], corners)
    held = KDTree(landmarks).query(model.template)[0] < _HELD
    rides = model.skinning_weights[:, 1] > _RIDES
    return rides & ~held, held


def _gaps(
    vertices: np.ndarray, faces: np.ndarray, mask: np.ndarray, focal_px: float, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (n,) at the outline of a posed mesh, and how far beyond (or before) them the mask ends, (n,) metres."""
    height, width = mask.shape
    pixels = focal_px * vertices[:, :2] / vertices[:, 2:] + centre
    face, _, _ = rasterize(pixels, vertices[:, 2], faces, height, width)
    covered = (face >= 0).astype(np.float32)
    normals = vertex_normals(vertices.astype(np.float64), faces)
    sight = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    outward = normals[:, :2] / np.maximum(np.linalg.norm(normals[:, :2], axis=1, keepdims=True), 1e-9)
    across = np.abs((normals * sight).sum(1)) < _ACROSS
    ends = (_at(covered, pixels + 2.0 * outward) < 0.5) & (_at(covered, pixels - 2.0 * outward) > 0.5)
    chosen = np.flatnonzero(across & ends)
    metres = vertices[chosen, 2] / focal_px
    # From as far inside to as far outside as an offset may reach; NaN beyond the picture.
    reach = int(np.ceil(OUTWARDS / max(float(np.median(metres)) if len(metres) else 1.0, 1e-9) / _STEP_PX))
    steps = _STEP_PX * np.arange(-reach, reach + 1)
    line = pixels[chosen, None] + steps[:, None] * outward[chosen, None]
    inside = _at(mask, line) > 0.5
    known = ((line >= 0.5) & (line <= np.array([width, height]) - 0.5)).all(-1)
    gaps = np.full(len(chosen), np.nan)
    for row in range(len(chosen)):
        if inside[row, reach]:
            out = np.flatnonzero(~inside[row, reach:] | ~known[row, reach:])
            if len(out) and known[row, reach + out[0]]:
                gaps[row] = steps[reach + out[0]] - 0.5 * _STEP_PX
        else:
            back = np.flatnonzero(inside[row, reach::-1])
            if len(back):
                gaps[row] = -steps[reach + back[0]] + 0.5 * _STEP_PX
    found = np.isfinite(gaps)
    return chosen[found], gaps[found] * metres[found]


def _at(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Bilinear values of (h, w) at pixels (..., 2), centres at +0.5; the border goes on."""
    from scipy.ndimage import map_coordinates

    x, y = np.moveaxis(pixels - 0.5, -1, 0)
    return map_coordinates(image, [y, x], order=1, mode="nearest")


def _smoothest(operator: Any, area: np.ndarray, sure: np.ndarray, wanted: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(V,) the smoothest distances that meet the wanted ones as far as they are sure, and zero where they are held."""
    from scipy.sparse import diags
    from scipy.sparse.linalg import spsolve

    bending = SMOOTH**4 * operator.T @ diags(1 / np.maximum(area, 1e-12)) @ operator
    weight = area * sure
    matrix = bending + diags(weight + area * np.where(held, _HOLD, _REST))
    return np.asarray(spsolve(matrix.tocsc(), weight * wanted))
