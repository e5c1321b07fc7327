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
    depth = np.asarray(depth, dtype=np.float64)
    corners, far = vertices[faces], depth[faces]
    doubled = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    low = np.ceil(corners.min(1) - 0.5)
    high = np.floor(corners.max(1) - 0.5)
    low, high = np.maximum(low, 0), np.minimum(high, [width - 1, height - 1])
    good = (np.abs(doubled) > 1e-12) & (far.min(1) > 0) & (high >= low).all(1)
    if cull:
        good &= doubled < 0
    kept = np.flatnonzero(good)
    columns, rows = (high - low + 1)[kept].astype(np.int64).T
    counts = columns * rows
    # The barycentric weight of corner i is linear in the pixel: (edge opposite to i) x (pixel - its start) / area.
    corner = low[kept] + 0.5
    planes = []
    for i in range(2):
        start, stop = corners[kept, (i + 1) % 3], corners[kept, (i + 2) % 3]
        edge = (stop - start) / doubled[kept, None]
        planes.append(np.stack([_cross(edge, corner - start), -edge[:, 1], edge[:, 0]], 1))
    plane = np.concatenate([*planes, low[kept, ::-1], columns[:, None]], 1)

    image = _Image(height, width)
    ends = np.cumsum(counts)
    start = 0
    while start < len(kept):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + CHUNK, side="right")), start + 1)
        part = slice(start, stop)
        image.draw(kept[part], counts[part], plane[part], far, perspective)
        start = stop
    return (
        image.face_id.reshape(height, width),
        image.barycentric.reshape(height, width, 3),
        image.depth.astype(np.float32).reshape(height, width),
    )


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


class _Image:
    """What has been drawn so far, pixels in one row."""

    def __init__(self, height: int, width: int):
        self.width = width
        self.face_id = np.full(height * width, -1, dtype=np.int32)
        self.barycentric = np.zeros((height * width, 3), dtype=np.float32)
        self.depth = np.full(height * width, np.inf)

    def draw(self, face: np.ndarray, counts: np.ndarray, plane: np.ndarray, far: np.ndarray, perspective: bool) -> None:
        """Settle the pixels in the bounding boxes of triangles.

        Args:
            face: (n,) their indices, ascending.
            counts: (n,) pixels in their boxes.
            plane: (n, 9) weight of the first corner at the box's first pixel, its change per column and per row; the
                same of the second corner; first row, first column, number of columns of the box.
            far: (F, 3) depths of all triangles' corners.
            perspective: as in `rasterize`.
        """
        owner = np.repeat(np.arange(len(face)), counts)
        rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        columns = plane[:, 8].astype(np.int64)[owner]
        down = rank // columns
        right = rank - down * columns
        first = plane[:, 0][owner] + plane[:, 1][owner] * right + plane[:, 2][owner] * down
        second = plane[:, 3][owner] + plane[:, 4][owner] * right + plane[:, 5][owner] * down
        inside = np.flatnonzero((first >= -EDGE) & (second >= -EDGE) & (first + second <= 1 + EDGE))
        owner, first, second = owner[inside], first[inside], second[inside]
        weights = np.stack([first, second, 1 - first - second], 1)
        row, column = plane[owner, 6].astype(np.int64) + down[inside], plane[owner, 7].astype(np.int64) + right[inside]
        pixel = row * self.width + column
        face = face[owner]
        if perspective:
            weights /= far[face]
            total = weights.sum(1)
            weights /= total[:, None]
            z = 1 / total
        else:
            z = (weights * far[face]).sum(1)
        # The last write to a pixel stands: far to near, and among equals from the highest triangle to the lowest.
        order = len(z) - 1 - np.argsort(-z[::-1], kind="stable")
        order = order[z[order] < self.depth[pixel[order]]]
        pixel = pixel[order]
        self.depth[pixel] = z[order]
        self.face_id[pixel] = face[order]
        self.barycentric[pixel] = weights[order]


def interpolate(face_id: np.ndarray, barycentric: np.ndarray, faces: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (V, k) at the vertices, over the image: (H, W, k), zero where no triangle is."""
    hit = face_id >= 0
    out = np.zeros((*face_id.shape, values.shape[1]), dtype=np.float32)
    out[hit] = (values[faces[face_id[hit]]] * barycentric[hit][..., None]).sum(1)
    return out
