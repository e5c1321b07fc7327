"""Squares cut out of a picture, with a low-pass where they shrink."""

from collections.abc import Sequence

import numpy as np

from partnerface.landmarks.region import Region

#: From this many picture pixels per pixel of the square on, the picture is shrunk before the square is sampled.
SHRINK_FROM = 1.05


def cut_squares(image: np.ndarray, regions: Sequence[Region], pixels: int) -> list[np.ndarray]:
    """The content of squares of much the same size and place, area-filtered where they shrink.

    The part of the picture that the squares cover is shrunk once for all of them, by a whole number where that leaves
    less than half a pixel to be lost in the sampling (an area filter over whole pixels is ten times as quick as one
    over parts of pixels). Beyond the picture's edge its last pixels are repeated.

    Args:
        image: (h, w, 3) uint8 sRGB.
        regions: the squares.
        pixels: edge of what is returned.

    Returns:
        One (pixels, pixels, 3) uint8 image per square.
    """
    import cv2

    scale = min(region.size for region in regions) / pixels
    corner, image = _part(image, regions, pixels, int(scale) if scale >= 2 else 1)
    factor = np.ones(2)
    if scale > SHRINK_FROM:
        height, width = image.shape[:2]
        by = int(scale) if scale >= 2 else scale
        size = (max(1, round(width / by)), max(1, round(height / by)))
        factor = np.array([size[0] / width, size[1] / height])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    flags, squares = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, []
    for region in regions:
        matrix = region.matrix(pixels)
        matrix[:, 2] -= corner
        matrix *= factor[:, None]
        # OpenCV puts pixel centres at whole numbers: u + 0.5 on the square's side, x + 0.5 on the picture's.
        matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
        squares.append(cv2.warpAffine(image, matrix, (pixels, pixels), flags=flags, borderMode=cv2.BORDER_REPLICATE))
    return squares


def cut_square(image: np.ndarray, region: Region, pixels: int) -> np.ndarray:
    """One square's content, (pixels, pixels, 3) uint8."""
    return cut_squares(image, [region], pixels)[0]


def _part(image: np.ndarray, regions: Sequence[Region], pixels: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The corner x, y of the part of the picture that squares can touch, and the part.

    Its corner and edges are multiples of `step`, so that whole blocks of pixels are averaged alike wherever the squares
    lie; a picture that ends within a block is continued by its last pixels.
    """
    import cv2

    ends = np.array([[0, 0], [pixels, 0], [0, pixels], [pixels, pixels]], float)
    corners = np.concatenate([ends @ m[:, :2].T + m[:, 2] for m in (region.matrix(pixels) for region in regions)])
    margin = 2 + 2 * max(region.size for region in regions) / pixels
    height, width = image.shape[:2]
    limit = np.array([width, height])
    low = np.clip(np.floor(corners.min(0) - margin).astype(int), 0, limit - 1) // step * step
    high = np.clip(np.ceil(corners.max(0) + margin).astype(int), low + 1, limit)
    part = image[low[1] : high[1], low[0] : high[0]]
    right, down = (-(high - low)) % step
    if right or down:
        beyond = np.minimum(high + np.array([right, down]), limit)
        part = image[low[1] : beyond[1], low[0] : beyond[0]]
        right, down = (-(beyond - low)) % step
        if right or down:
            part = cv2.copyMakeBorder(part, 0, int(down), 0, int(right), cv2.BORDER_REPLICATE)
    return low, part
