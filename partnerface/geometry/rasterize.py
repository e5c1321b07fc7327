"""A z-buffer in numpy: which triangle each pixel sees, and where on it. For previews, masks and the demo clip."""

import numpy as np

# Candidate (triangle, pixel) pairs handled at once: bounds the memory at about 200 MB.
CHUNK = 1 << 20


def rasterize(
    vertices_px: np.ndarray,
    depth: np.ndarray,
    faces: np.ndarray,
    height: int,
    width: int,
    perspective: bool = True,
    cull: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw triangles into a z-buffer; a pixel belongs to the nearest triangle that holds its centre, edges included.

    Pixel (row, column) has its centre at (column + 0.5, row + 0.5). Triangles with a vertex at depth <= 0 are left out.
    Where two triangles are equally near, the lower index wins, so the result does not depend on how the work is cut.

    Args:
        vertices_px: (V, 2) pixels x, y.
        depth: (V,) distance along the viewing axis.
        faces: (F, 3) vertex indices.
        height, width: size of the image.
        perspective: interpolate in space (barycentrics weighted by 1 / depth); otherwise linearly in the image.
        cull: leave out triangles seen from behind (clockwise vertex order as seen with y up, counter-clockwise in
            the image's own y-down axes is the back).

    Returns:
        face_id (H, W) int32, -1 where nothing is; barycentric (H, W, 3) float32, zero there; depth (H, W) float32, inf
        there.
    """
    vertices = np.asarray(vertices_px, dtype=np.float64)
    depth = np.asarray(depth, dtype=np.float64)
    corners, far = vertices[faces], depth[faces]
    doubled = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    x0, y0 = (np.ceil(corners[..., axis].min(1) - 0.5) for axis in range(2))
    x1, y1 = (np.floor(corners[..., axis].max(1) - 0.5) for axis in range(2))
    x0, x1 = np.clip(x0, 0, width), np.clip(x1, -1, width - 1)
    y0, y1 = np.clip(y0, 0, height), np.clip(y1, -1, height - 1)
    good = (np.abs(doubled) > 1e-12) & (far.min(1) > 0) & (x1 >= x0) & (y1 >= y0)
    if cull:
        good &= doubled < 0
    kept = np.flatnonzero(good)
    columns = (x1 - x0 + 1)[kept].astype(np.int64)
    counts = columns * (y1 - y0 + 1)[kept].astype(np.int64)

    face_id = np.full(height * width, -1, dtype=np.int32)
    barycentric = np.zeros((height * width, 3), dtype=np.float32)
    nearest = np.full(height * width, np.inf)
    start = 0
    ends = np.cumsum(counts)
    while start < len(kept):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + CHUNK, side="right")), start + 1)
        part = slice(start, stop)
        owner = np.repeat(np.arange(start, stop), counts[part])
        rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts[part]) - counts[part], counts[part])
        face = kept[owner]
        row = rank // columns[owner] + y0[face].astype(np.int64)
        column = rank % columns[owner] + x0[face].astype(np.int64)
        _draw(face, row, column, corners, far, doubled, width, perspective, face_id, barycentric, nearest)
        start = stop
    return (
        face_id.reshape(height, width),
        barycentric.reshape(height, width, 3),
        nearest.astype(np.float32).reshape(height, width),
    )


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _draw(face, row, column, corners, far, doubled, width, perspective, face_id, barycentric, nearest) -> None:
    """Settle candidate pixels (n,) of triangles `face` (n,), ascending, against what is drawn already."""
    centre = np.stack([column + 0.5, row + 0.5], 1)
    toward = corners[face] - centre[:, None]
    weights = np.stack([_cross(toward[:, 1], toward[:, 2]), _cross(toward[:, 2], toward[:, 0])], 1)
    weights = weights / doubled[face, None]
    weights = np.concatenate([weights, 1 - weights.sum(1, keepdims=True)], 1)
    inside = np.flatnonzero(weights.min(1) >= -1e-9)
    face, weights, pixel = face[inside], weights[inside], row[inside] * width + column[inside]
    if perspective:
        weights = weights / far[face]
        total = weights.sum(1)
        weights, z = weights / total[:, None], 1 / total
    else:
        z = (weights * far[face]).sum(1)
    # The last write to a pixel stands: far to near, and among equals from the highest triangle to the lowest.
    order = np.argsort(-z[::-1], kind="stable")
    order = len(z) - 1 - order
    order = order[z[order] < nearest[pixel[order]]]
    pixel = pixel[order]
    nearest[pixel] = z[order]
    face_id[pixel] = face[order]
    barycentric[pixel] = weights[order]


def interpolate(face_id: np.ndarray, barycentric: np.ndarray, faces: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (V, k) at the vertices, over the image: (H, W, k), zero where no triangle is."""
    hit = face_id >= 0
    out = np.zeros((*face_id.shape, values.shape[1]), dtype=np.float32)
    out[hit] = (values[faces[face_id[hit]]] * barycentric[hit][..., None]).sum(1)
    return out
