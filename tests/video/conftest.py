"""Small clips with a real face: scikit-image's public-domain portrait, shifted about."""

from pathlib import Path

import numpy as np
import pytest

from partnerface.video.ffmpeg import encode

FPS = 25.0


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


def swaying(count: int, size: int = 256) -> list[np.ndarray]:
    """`count` frames of the portrait, swaying by a few pixels."""
    image = portrait(size)
    phase = 2 * np.pi * np.arange(count) / 20
    return [moved(image, round(4 * np.sin(p)), round(3 * np.cos(p))) for p in phase]


@pytest.fixture(scope="session")
def portrait_frames() -> list[np.ndarray]:
    """Thirty frames, 256 x 256."""
    return swaying(30)


@pytest.fixture(scope="session")
def portrait_clip(tmp_path_factory: pytest.TempPathFactory, portrait_frames: list[np.ndarray]) -> Path:
    """The thirty frames as an .mp4 of 25 frames per second."""
    path = tmp_path_factory.mktemp("clip") / "portrait.mp4"
    encode(path, portrait_frames, FPS)
    return path
