"""Pictures with a real face: scikit-image's public-domain portrait, shifted about."""

import numpy as np
import pytest


def portrait(size: int = 256) -> np.ndarray:
    """(size, size, 3) uint8: head and shoulders."""
    cv2 = pytest.importorskip("cv2")
    data = pytest.importorskip("skimage.data")
    return cv2.resize(data.astronaut()[:384, 32:416], (size, size), interpolation=cv2.INTER_AREA)


def moved(image: np.ndarray, x: int, y: int) -> np.ndarray:
    """The image shifted by whole pixels, its edges repeated."""
    height, width = image.shape[:2]
    rows = np.clip(np.arange(height) - y, 0, height - 1)
    columns = np.clip(np.arange(width) - x, 0, width - 1)
    return image[np.ix_(rows, columns)]


def sway(count: int) -> np.ndarray:
    """(count, 2) whole pixels x, y by which the frames of `swaying` are shifted."""
    phase = 2 * np.pi * np.arange(count) / 20
    return np.stack([np.round(4 * np.sin(phase)), np.round(3 * np.cos(phase))], axis=1).astype(int)


def swaying(count: int, size: int = 256) -> list[np.ndarray]:
    """`count` frames of the portrait, swaying by a few pixels."""
    image = portrait(size)
    return [moved(image, int(x), int(y)) for x, y in sway(count)]
