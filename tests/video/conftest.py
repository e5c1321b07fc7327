"""A small clip with a real face."""

from pathlib import Path

import numpy as np
import pytest

from partnerface.video.encode import encode
from tests.faces import swaying

FPS = 25.0


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
