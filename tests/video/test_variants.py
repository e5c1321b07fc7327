"""One clip in many nasty forms: each gives the frames of the clean clip within the tolerance that stands beside it.

Frames are compared in the upright picture's own coordinates, so a squashed, shifted, mirrored or mistimed clip fails
whatever its crop. A tolerance is the greatest mean difference of a frame in grey levels of 255; turning an upright
portrait by 90° or showing its neighbour in time costs 20 and 3.
"""

import argparse
import csv
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder
from partnerface.artefacts.arrays import open_npy
from partnerface.config.settings import FramesSettings
from partnerface.errors import InputError
from partnerface.stages import frames as stage
from partnerface.video.program import ffmpeg_path
from tests.faces import moved, portrait

pytest.importorskip("mediapipe")
cv2 = pytest.importorskip("cv2")

FPS, COUNT, WIDTH, HEIGHT = 25.0, 30, 320, 256
X264 = "-c:v libx264 -crf 8 -preset veryfast -pix_fmt yuv420p"
SDR_TO_LINEAR = "zscale=tin=iec61966-2-1:pin=709:t=linear:npl=203,format=gbrpf32le"
X265 = "-c:v libx265 -x265-params crf=8:log-level=error"


def run(*arguments: str) -> None:
    subprocess.run([ffmpeg_path(), "-hide_banner", "-y", "-loglevel", "error", *arguments], check=True)


@pytest.fixture(scope="module")
def clean_images() -> list[np.ndarray]:
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


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, clean_images: list[np.ndarray]) -> Path:
    """The clip without loss, with a tone."""
    folder = tmp_path_factory.mktemp("clean")
    raw = folder / "raw"
    raw.write_bytes(np.stack(clean_images).tobytes())
    path = folder / "clean.mkv"
    source = f"-f rawvideo -pix_fmt rgb24 -s {WIDTH}x{HEIGHT} -framerate {FPS} -i".split()
    run(*source, str(raw), "-f", "lavfi", "-i", "sine=duration=1.2", *"-c:v ffv1 -pix_fmt bgr0 -c:a flac".split(), str(path))  # fmt: skip
    return path


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
        matrix = np.array([[along[0], 0, start[0] + 0.5 * along[0] - 0.5], [0, along[1], start[1] + 0.5 * along[1] - 0.5]])
        where = cv2.warpAffine(np.full((size, size), 255, np.uint8), matrix, (WIDTH, HEIGHT)) == 255
        image = self.images[k]
        if along[0] < 0.9:  # a larger copy: its own low-pass, so that the comparison does not alias
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / along[0])
        return cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR), where


def see(folder: Path, *videos: Path, **settings) -> Seen:
    settings = {"min_kept": 5} | settings
    stage.run(argparse.Namespace(video=list(videos), subject_dir=folder), FramesSettings(**settings))
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


@dataclass
class Variant:
    """How a form of the clip is made, and what may differ.

    Attributes:
        make: ffmpeg's options between the clean clip and the output, or several commands.
        suffix: of the file.
        tolerance: grey levels.
        before: ffmpeg's options before the input of a last pass that copies, such as a display matrix.
        times: the true times of the frames; None are the clean clip's.
        numbers: which clean frames are there; None are all.
    """

    make: str
    suffix: str = ".mp4"
    tolerance: float = 1.5
    before: str = ""
    numbers: tuple[int, ...] | None = None
    times: tuple[float, ...] | None = None
    settings: dict | None = None


UNEVEN = tuple(k for k in range(COUNT) if k % 7 not in (2, 3) and k % 5 != 4)
LATE = tuple(0.04 * k + (0.3 if k > 11 else 0.0) for k in range(COUNT))
VARIANTS = {
    "mp4": Variant(X264),
    "capital suffix": Variant(X264, ".MP4"),
    "mov, prores": Variant("-c:v prores_ks -profile:v 3 -pix_fmt yuv422p10le", ".mov"),
    "mkv, hevc": Variant(f"{X265} -pix_fmt yuv420p", ".mkv"),
    "webm, vp9": Variant("-c:v libvpx-vp9 -crf 8 -b:v 0 -deadline realtime -cpu-used 8", ".webm", 2.0),
    "avi, mjpeg": Variant("-c:v mjpeg -q:v 2", ".avi", 2.0),
    "transport stream": Variant(X264, ".ts"),
    "animated gif": Variant("-filter_complex split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none", ".gif", 5.0),
    "turned by 90": Variant(f"-vf transpose=1 {X264}", before="-display_rotation 90"),
    "turned by 180": Variant(f"-vf hflip,vflip {X264}", before="-display_rotation 180"),
    "turned by 270": Variant(f"-vf transpose=2 {X264}", before="-display_rotation 270"),
    "mirrored": Variant(f"-vf hflip {X264}", before="-display_hflip"),
    "mirrored and turned": Variant(f"-vf transpose=3 {X264}", before="-display_rotation 90 -display_hflip"),
    "variable rate": Variant(
        f"-vf select='{'+'.join(f'eq(n,{k})' for k in UNEVEN)}' -fps_mode passthrough {X264}",
        numbers=UNEVEN,
        times=tuple(0.04 * k for k in UNEVEN),
    ),
    "a pause in the stamps": Variant(
        f"-vf setpts='if(gt(N,11),PTS+0.3/TB,PTS)' -fps_mode passthrough -video_track_timescale 90000 {X264}",
        times=LATE,
    ),
    "29.97": Variant(
        f"-vf setpts=N*1001/30000/TB -r 30000/1001 {X264}", times=tuple(k * 1001 / 30000 for k in range(COUNT))
    ),
    "to 10 per second": Variant(
        X264, numbers=(0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27), settings={"rate": 10.0},
        times=tuple(0.04 * k for k in (0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27)),
    ),
    "5 per second": Variant(f"-vf fps=5:round=down {X264}", numbers=tuple(range(0, 30, 5)), settings={"min_score": 0.4},
                            times=tuple(0.2 * k for k in range(6))),
    "late start": Variant(X264, before="-itsoffset 1.5", times=tuple(0.04 * k for k in range(COUNT))),
    "full range": Variant(f"-vf scale=out_range=full -c:v libx264 -crf 8 -pix_fmt yuv420p -color_range pc"),
    "BT.709": Variant(f"-vf scale=out_color_matrix=bt709 {X264} -colorspace bt709 -color_primaries bt709 -color_trc bt709"),
    "BT.601 without a word": Variant(f"-vf scale=out_color_matrix=bt601 {X264}"),
    "4:4:4": Variant("-c:v libx264 -crf 8 -pix_fmt yuv444p"),
    "10 bit": Variant(f"{X265} -pix_fmt yuv420p10le", ".mov"),
    "grey": Variant("-vf format=gray -c:v ffv1", ".mkv", tolerance=40.0),
    "HLG": Variant(
        f"-vf {SDR_TO_LINEAR},zscale=p=2020:t=arib-std-b67:m=2020_ncl:r=limited:npl=1000,format=yuv420p10le {X265}"
        " -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc", ".mov", 4.0,
    ),
    "PQ": Variant(
        f"-vf {SDR_TO_LINEAR},zscale=p=2020:t=smpte2084:m=2020_ncl:r=limited:npl=203,format=yuv420p10le {X265}"
        " -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc", ".mov", 4.0,
    ),
    "odd size": Variant("-vf scale=319:255:flags=area -c:v libx264 -crf 8 -pix_fmt yuv444p", tolerance=4.0),
    "wide pixels": Variant(f"-vf scale=160:256:flags=area,setsar=2/1 {X264}", tolerance=5.0),
    "tall pixels": Variant(f"-vf scale=320:128:flags=area,setsar=1/2 {X264}", tolerance=5.0),
    "8K": Variant("-vf scale=7680:6144 -frames:v 6 -c:v libx264 -preset ultrafast -crf 12 -pix_fmt yuv420p", tolerance=3.0,
                  numbers=tuple(range(6))),
}  # fmt: skip


def make(variant: Variant, clean: Path, folder: Path) -> Path:
    path = folder / f"variant{variant.suffix}"
    target = folder / f"first{variant.suffix}" if variant.before else path
    run("-i", str(clean), *variant.make.split(), *([] if variant.suffix == ".gif" else ["-c:a", "libopus" if variant.suffix == ".webm" else "aac"]), str(target))  # fmt: skip
    if variant.before:
        run(*variant.before.split(), "-i", str(target), "-c", "copy", str(path))
    return path


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_gives_the_clean_frames(
    name: str, clean: Path, clean_images: list[np.ndarray], tmp_path: Path
) -> None:
    variant = VARIANTS[name]
    seen = see(tmp_path / "subject", make(variant, clean, tmp_path), **(variant.settings or {}))
    numbers = np.array(variant.numbers if variant.numbers is not None else range(COUNT))
    assert len(seen.images) == len(numbers)
    times = numbers / FPS if variant.times is None else np.array(variant.times)
    # A GIF's clock has ticks of 1/100 s.
    np.testing.assert_allclose(seen.time_s - seen.time_s[0], times - times[0], atol=0.011 if name == "animated gif" else 2e-3)  # fmt: skip
    off = differences(seen, clean_images, numbers)
    assert max(off) < variant.tolerance, off
