"""A clip with a face in whatever form, and what the frames stage makes of it."""

import argparse
import csv
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder
from partnerface.artefacts.arrays import open_npy
from partnerface.config.settings import FramesSettings
from partnerface.stages import frames as stage
from partnerface.video.program import ffmpeg_path
from tests.faces import moved, portrait

pytest.importorskip("mediapipe")
cv2 = pytest.importorskip("cv2")

FPS, COUNT, WIDTH, HEIGHT = 25.0, 30, 320, 256
X264 = "-c:v libx264 -crf 8 -preset veryfast -pix_fmt yuv420p"


def run(*arguments: str) -> None:
    subprocess.run([ffmpeg_path(), "-hide_banner", "-y", "-loglevel", "error", *arguments], check=True)


def clean_frames() -> list[np.ndarray]:
    """The portrait beside a striped wall, swaying, so that no frame is like another."""
    wall = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    wall[:] = (np.arange(WIDTH) // 20 % 2 * 60 + 90)[None, :, None]
    out = []
    for k in range(COUNT):
        image = wall.copy()
        shift = round(12 * np.sin(2 * np.pi * k / COUNT)), round(6 * np.cos(2 * np.pi * k / 17))
        image[:, 40:296] = moved(portrait(256), *shift)
        # A lamp that grows brighter says when.
        image[8:24, 8:24] = 8 * k
        out.append(image)
    return out


@dataclass
class Seen:
    """What the stage made of a clip: frames, their times, the clip's facts, statuses."""

    images: np.ndarray
    time_s: np.ndarray
    clip: dict
    status: list[str]

    def upright(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Frame k laid into the clean clip's picture, and where it covers it."""
        x0, y0, x1, _ = self.clip["crop"]
        size = self.images.shape[1]
        # stored px → source px → clean px, pixel centres at +0.5
        along = (x1 - x0) / size * np.array([WIDTH / self.clip["width"], HEIGHT / self.clip["height"]])
        start = np.array([x0 * WIDTH / self.clip["width"], y0 * HEIGHT / self.clip["height"]])
        matrix = np.array(
            [[along[0], 0, start[0] + 0.5 * along[0] - 0.5], [0, along[1], start[1] + 0.5 * along[1] - 0.5]]
        )
        where = cv2.warpAffine(np.full((size, size), 255, np.uint8), matrix, (WIDTH, HEIGHT)) == 255
        image = self.images[k]
        if along[0] < 0.9:  # a larger copy: its own low-pass, so that the comparison does not alias
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / along[0])
        return cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR), where


def see(folder: Path, *videos: Path, **settings) -> Seen:
    chosen: dict[str, Any] = {"min_kept": 5} | settings
    stage.run(argparse.Namespace(video=list(videos), subject_dir=folder), FramesSettings(**chosen))
    subject = SubjectFolder(folder)
    camera = json.loads(subject.camera.read_text())
    with open(subject.frame_index) as file:
        status = [row["status"] for row in csv.DictReader(file)]
    return Seen(np.asarray(open_npy(subject.frames, "frames")), np.array(camera["time_s"]), camera["clips"][0], status)


def differences(seen: Seen, truth: list[np.ndarray], numbers: np.ndarray) -> list[float]:
    """Mean difference of each frame to the true frame of that number, without the border of the crop."""
    out = []
    for k, number in enumerate(numbers):
        image, where = seen.upright(k)
        where = cv2.erode(where.astype(np.uint8), np.ones((9, 9))) > 0
        assert where.mean() > 0.3
        out.append(float(np.abs(image.astype(int) - truth[number].astype(int))[where].mean()))
    return out


def joined(folder: Path, *parts: Path) -> Path:
    """Clips one after the other in one file, whatever their sizes."""
    path = folder / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    out = folder / "joined.mkv"
    run("-fflags", "+genpts", "-i", str(path), "-c", "copy", str(out))
    return out


def part(folder: Path, name: str, images: list[np.ndarray], start: int) -> Path:
    """Images as a piece of a transport stream that begins at frame `start`."""
    raw, path = folder / f"{name}.raw", folder / f"{name}.ts"
    raw.write_bytes(np.stack(images).tobytes())
    height, width = images[0].shape[:2]
    run(
        *f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -framerate 25 -i".split(), str(raw), *X264.split(),
        "-bf", "0", "-output_ts_offset", str(start / 25), "-muxdelay", "0", str(path),
    )  # fmt: skip
    return path
