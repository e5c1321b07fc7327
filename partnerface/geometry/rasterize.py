"""A z-buffer in numpy: which triangle each pixel sees, and where on it. For previews, masks and the demo clip."""

import numpy as np

# Candidate (triangle, pixel) pairs handled at once: few enough to stay in the processor's cache, which halves the time.
CHUNK = 1 << 18
# Pixel centres on an edge belong to both its triangles; rounding must not take them from both.
EDGE = 1e-9


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
        cull: leave out triangles seen from behind: those whose corners do not run counter-clockwise on the screen.

    Returns:
        face_id (H, W) int32, -1 where nothing is; barycentric (H, W, 3) float32, zero there; depth (H, W) float32, inf
        there.
    """
    vertices = np.asarray(vertices_px, dtype=np.float64)
    far = np.asarray(depth, dtype=np.float64)
    faces = np.asarray(faces)
    # Coordinates apart, (3, F) each: contiguous rows are several times as quick as triples of pairs.
    corner_x, corner_y = vertices[:, 0][faces.T], vertices[:, 1][faces.T]
    doubled = (corner_x[1] - corner_x[0]) * (corner_y[2] - corner_y[0])
    doubled -= (corner_y[1] - corner_y[0]) * (corner_x[2] - corner_x[0])
    kept = np.flatnonzero((doubled < -1e-12) if cull else (np.abs(doubled) > 1e-12))
    corner_x, corner_y, doubled = corner_x[:, kept], corner_y[:, kept], doubled[kept]
    left, right = _pixels(corner_x, width)
    top, bottom = _pixels(corner_y, height)
    shown = (right >= left) & (bottom >= top)
    if not (far > 0).all():
        shown &= (far[faces[kept]] > 0).all(1)
    kept, corner_x, corner_y, doubled = kept[shown], corner_x[:, shown], corner_y[:, shown], doubled[shown]
    left, top = left[shown], top[shown]
    columns = (right[shown] - left + 1).astype(np.int64)
    counts = columns * (bottom[shown] - top + 1).astype(np.int64)
    # The barycentric weight of corner i is linear in the pixel: (edge opposite to i) x (pixel - its start) / area.
    rows = []
    for i in range(2):
        start, stop = (i + 1) % 3, (i + 2) % 3
        edge_x = (corner_x[stop] - corner_x[start]) / doubled
        edge_y = (corner_y[stop] - corner_y[start]) / doubled
        first = edge_x * (top + 0.5 - corner_y[start]) - edge_y * (left + 0.5 - corner_x[start])
        rows += [first, -edge_y, edge_x]
    plane = np.stack(rows)
    pixel = (top * width + left).astype(np.int64)

    image = _Image(height, width, perspective)
    ends = np.cumsum(counts)
    start = 0
    while start < len(kept):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + CHUNK, side="right")), start + 1)
        part = slice(start, stop)
        image.draw(kept[part], far[faces[kept[part]].T], counts[part], columns[part], pixel[part], plane[:, part])
        start = stop
    return (
        image.face_id.reshape(height, width),
        image.barycentric.reshape(height, width, 3),
        image.depth.astype(np.float32).reshape(height, width),
    )


def _pixels(corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last pixel whose centre lies between the least and the greatest of (3, F) coordinates, within size."""
    low = np.minimum(np.minimum(corners[0], corners[1]), corners[2])
    high = np.maximum(np.maximum(corners[0], corners[1]), corners[2])
    return np.maximum(np.ceil(low - 0.5), 0), np.minimum(np.floor(high - 0.5), size - 1)


class _Image:
    """What has been drawn so far, pixels in one row."""

    def __init__(self, height: int, width: int, perspective: bool):
        self.width, self.perspective = width, perspective
        self.face_id = np.full(height * width, -1, dtype=np.int32)
        self.barycentric = np.zeros((height * width, 3), dtype=np.float32)
        self.depth = np.full(height * width, np.inf)

    def draw(
        self,
        face: np.ndarray,
        far: np.ndarray,
        counts: np.ndarray,
        columns: np.ndarray,
        start: np.ndarray,
        plane: np.ndarray,
    ) -> None:
        """Settle the pixels in the bounding boxes of triangles.

        Args:
            face: (n,) their indices, ascending.
            far: (3, n) depths of their corners.
            counts: (n,) pixels in their boxes.
            columns: (n,) columns of their boxes.
            start: (n,) number of a box's first pixel.
            plane: (6, n) weight of the first corner at the box's first pixel, its change per column and per row; the
                same of the second corner.
        """
        owner = np.repeat(np.arange(len(face)), counts)
        rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        across = columns[owner]
        down = rank // across
        right = rank - down * across
        first, by_column, by_row = plane[:3].take(owner, axis=1)
        first += by_column * right
        first += by_row * down
        second, by_column, by_row = plane[3:].take(owner, axis=1)
        second += by_column * right
        second += by_row * down
        inside = np.flatnonzero((first >= -EDGE) & (second >= -EDGE) & (first + second <= 1 + EDGE))
        owner, first, second = owner[inside], first[inside], second[inside]
        pixel = start[owner] + down[inside] * self.width + right[inside]
        weights = np.stack([first, second, 1 - first - second])
        if self.perspective:
            weights /= far[:, owner]
            total = weights.sum(0)
            weights /= total
            z = 1 / total
        else:
            z = (weights * far[:, owner]).sum(0)
        nearer = np.flatnonzero(z < self.depth[pixel])
        np.minimum.at(self.depth, pixel[nearer], z[nearer])
        # The last write to a pixel stands: among equally near ones that of the lowest triangle.
        won = nearer[z[nearer] == self.depth[pixel[nearer]]][::-1]
        self.face_id[pixel[won]] = face[owner[won]]
        self.barycentric[pixel[won]] = weights[:, won].T


def interpolate(face_id: np.ndarray, barycentric: np.ndarray, faces: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (V, k) at the vertices, over the image: (H, W, k), zero where no triangle is."""
    hit = face_id >= 0
    out = np.zeros((*face_id.shape, values.shape[1]), dtype=np.float32)
    out[hit] = (values[faces[face_id[hit]]] * barycentric[hit][..., None]).sum(1)
    return out
