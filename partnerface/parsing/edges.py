"""The soft edge of a coarse mask, set by the picture: the fast guided filter.

K. He, J. Sun, X. Tang, "Guided image filtering", ECCV 2010 (equations 5 to 8, and 19 to 21 for a guide in colour): in
each window the mask is taken for a linear function of the picture's colours, alpha = a·I + b, least squares with a
penalty on a; a and b are averaged over the windows that hold a pixel. K. He, J. Sun, "Fast guided filter", arXiv
1505.00996: a and b are smooth, so they are found on a small picture and enlarged, then applied to the full one.
"""

import numpy as np

#: Edge of the small picture, px, and half the width of the window as a share of its edge.
SMALL, WINDOW = 128, 1 / 50
#: The penalty, in squares of sRGB values from 0 to 1: texture with less variance than this draws no edges.
PENALTY = 1e-3
#: Alpha below this, or so near to 1, is settled; in between lies the edge.
FAINT = 0.03
#: What the filter gives is stretched from this range to 0..1: the coarse mask's ramp is wider than the head's own edge.
STRETCH = 0.25


def refine(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Set the mask's edge by the picture's colours.

    Args:
        image: (h, w, 3) uint8 sRGB.
        mask: coarse mask of the whole picture, float32 from 0 to 1, of any size.

    Returns:
        (h, w) float32 alpha from 0 to 1.
    """
    import cv2

    height, width = image.shape[:2]
    shrink = min(1.0, SMALL / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    enlarge = mask.shape[1] < size[0]
    coarse = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR if enlarge else cv2.INTER_AREA)
    coarse = np.ascontiguousarray(coarse, np.float32)
    soft = ((coarse > FAINT) & (coarse < 1 - FAINT)).astype(np.uint8)
    # A cell that is settled but borders on one that is not, or on the other side, holds part of the edge.
    sides = (coarse >= 0.5).astype(np.uint8)
    crossed = cv2.morphologyEx(sides, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    edge = cv2.max(cv2.dilate(soft, np.ones((3, 3), np.uint8)), crossed)
    out = cv2.resize(sides, (width, height), interpolation=cv2.INTER_NEAREST_EXACT).astype(np.float32)
    pixels = np.flatnonzero(cv2.resize(edge, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))
    if not len(pixels):
        return out
    line = cv2.resize(_lines(small, coarse, edge), (width, height), interpolation=cv2.INTER_LINEAR)
    line, colour = line.reshape(-1, 4).take(pixels, 0), image.reshape(-1, 3).take(pixels, 0).astype(np.float32)
    alpha = np.einsum("nc,nc->n", line[:, :3], colour) / 255 + line[:, 3]
    out.ravel()[pixels] = np.clip((alpha - STRETCH) / (1 - 2 * STRETCH), 0, 1)
    return out


def _lines(image: np.ndarray, mask: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """(h, w, 4) float32: a and b around each pixel, from the picture (h, w, 3) and the mask (h, w), both float32.

    They hold at the pixels `edge` (h, w) only: elsewhere the mask does not vary.
    """
    import cv2

    window = 2 * max(1, round(WINDOW * max(mask.shape))) + 1

    def near(picture: np.ndarray) -> np.ndarray:
        return cv2.blur(picture, (window, window))

    # The means at an edge pixel ask for the lines one window around it.
    around = cv2.dilate(edge, np.ones((window, window), np.uint8))
    cells = np.flatnonzero(around)
    mean = near(np.dstack([image, mask])).reshape(-1, 4)[cells].T
    cross = near(image * mask[..., None]).reshape(-1, 3)[cells].T - mean[:3] * mean[3]
    rr, gg, bb = near(image * image).reshape(-1, 3)[cells].T - mean[:3] ** 2 + PENALTY
    rg, gb, br = near(image * image[..., [1, 2, 0]]).reshape(-1, 3)[cells].T - mean[:3] * mean[[1, 2, 0]]
    # The inverse of the symmetric 3 x 3 covariance by its cofactors.
    cofactors = np.stack([gg * bb - gb**2, br * gb - rg * bb, rg * gb - br * gg, rr * bb - br**2, rg * br - rr * gb,
                          rr * gg - rg**2])  # fmt: skip
    determinant = rr * cofactors[0] + rg * cofactors[1] + br * cofactors[2]
    first, second, third = cofactors[:3], cofactors[[1, 3, 4]], cofactors[[2, 4, 5]]
    slope = np.stack([(row * cross).sum(0) for row in (first, second, third)]) / determinant
    lines = np.zeros((mask.size, 4), np.float32)
    lines[:, 3] = mask.ravel()
    lines[cells, :3] = slope.T
    lines[cells, 3] = mean[3] - (slope * mean[:3]).sum(0)
    lines = near(lines.reshape(*mask.shape, 4))
    # What the colours do not explain of the mask's variance they must not smooth away either.
    variance = near(mask * mask).ravel()[cells] - mean[3] ** 2
    blind = np.zeros(mask.size, np.float32)
    blind[cells] = 1 - np.clip((slope * cross).sum(0) / (variance + PENALTY), 0, 1)
    lines[..., 3] += near(blind.reshape(mask.shape)) * (mask - near(near(mask)))
    return lines
