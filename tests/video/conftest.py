"""A small clip with a real face."""

from pathlib import Path

import numpy as np
import pytest

from partnerface.video.encode import encode
from tests.faces import swaying
from tests.video import forms

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


@pytest.fixture(scope="session")
def clean_images() -> list[np.ndarray]:
    """See `forms.clean_frames`."""
    return forms.clean_frames()


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory, clean_images: list[np.ndarray]) -> Path:
    """These frames without loss, with a tone."""
    folder = tmp_path_factory.mktemp("clean")
    raw, path = folder / "raw", folder / "clean.mkv"
    raw.write_bytes(np.stack(clean_images).tobytes())
    source = f"-f rawvideo -pix_fmt rgb24 -s {forms.WIDTH}x{forms.HEIGHT} -framerate {forms.FPS} -i".split()
    tone, form = ["-f", "lavfi", "-i", "sine=duration=1.2"], ["-c:v", "ffv1", "-pix_fmt", "bgr0", "-c:a", "flac"]
    forms.run(*source, str(raw), *tone, *form, str(path))
    return path
