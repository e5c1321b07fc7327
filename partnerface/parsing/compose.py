"""Laying a masked frame over a plain background at the size that training sees."""

import numpy as np


def compose(
    image: np.ndarray, alpha: np.ndarray, classes: np.ndarray, background: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Composite and shrink one frame.

    Colours are multiplied by alpha before they are averaged over the area of a target pixel, so that nothing of what
    was masked out bleeds into an edge: rgb = mean(alpha * image) + (1 - mean(alpha)) * background, in sRGB values.

    Args:
        image: (s, s, 3) uint8 sRGB.
        alpha: (s, s) float32 from 0 to 1.
        classes: (s, s) uint8.
        background: (3,) sRGB from 0 to 1.
        size: edge of the result, at most s.

    Returns:
        (size, size, 3) uint8, (size, size) uint8 alpha, (size, size) uint8 classes, background where alpha is 0.
    """
    import cv2

    weighted = image.astype(np.float32) / 255 * alpha[..., None]
    small = alpha
    if size != image.shape[0]:
        weighted = cv2.resize(weighted, (size, size), interpolation=cv2.INTER_AREA)
        small = cv2.resize(alpha, (size, size), interpolation=cv2.INTER_AREA)
        # The class at each target pixel's centre.
        centre = ((np.arange(size) + 0.5) * image.shape[0] / size).astype(int)
        classes = classes[np.ix_(centre, centre)]
    rgb = weighted + (1 - small[..., None]) * background
    stored = np.round(small * 255).astype(np.uint8)
    return np.round(rgb * 255).astype(np.uint8), stored, np.where(stored > 0, classes, 0).astype(np.uint8)
