"""A results folder as the stages leave it, with drawn heads instead of a person: small, made in a second."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from partnerface.artefacts.files import write, write_json, write_npz
from partnerface.artefacts.layout import DatasetFolder, SubjectFolder
from partnerface.capture.assess import assess
from partnerface.capture.face import FaceTrack
from partnerface.config.settings import EvaluateSettings
from partnerface.conventions import CLASS_NAMES
from partnerface.head.builtin import builtin_head
from tests.capture.clip import still

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
BENCHMARK = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@dataclass
class Clip:
    """Drawn heads: rgb (N, S, S, 3) uint8, classes (N, S, S) uint8, landmarks (N, 478, 2) px."""

    rgb: np.ndarray
    classes: np.ndarray
    landmarks: np.ndarray


def draw_clip(count: int, size: int) -> Clip:
    """A head that sways, speaks and blinks."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    clip = Clip(
        np.zeros((count, size, size, 3), np.uint8),
        np.zeros((count, size, size), np.uint8),
        np.zeros((count, 478, 2), np.float32),
    )
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for n in range(count):
        sway, mouth, lid = 0.06 * np.sin(n / 9), 0.02 + 0.025 * abs(np.sin(n / 3)), 0.008 + 0.012 * (n % 23 > 2)
        cx, cy = 0.5 + sway, 0.48 + 0.015 * np.sin(n / 5)

        def oval(ox: float, oy: float, rx: float, ry: float, cx: float = cx, cy: float = cy) -> np.ndarray:
            return ((x - cx - ox) / rx) ** 2 + ((y - cy - oy) / ry) ** 2 < 1

        image = np.ones((size, size, 3)) * [0.93, 0.93, 0.95]
        shade = 0.85 + 0.25 * (x - cx) + 0.05 * np.sin(40 * x) * np.sin(37 * y)
        layers = [
            ("hair", oval(0, -0.06, 0.25, 0.33), (0.25, 0.17, 0.12)),
            ("neck", oval(0, 0.36, 0.11, 0.2), (0.72, 0.52, 0.42)),
            ("skin", oval(0, 0, 0.2, 0.28), (0.85, 0.64, 0.53)),
            ("eyes", oval(-0.08, -0.06, 0.045, lid) | oval(0.08, -0.06, 0.045, lid), (0.95, 0.95, 0.95)),
            ("lips", oval(0, 0.14, 0.08, mouth + 0.012), (0.7, 0.3, 0.3)),
            ("mouth_inside", oval(0, 0.14, 0.06, mouth), (0.25, 0.08, 0.08)),
            ("nose", oval(0, 0.03, 0.025, 0.05), (0.8, 0.57, 0.46)),
        ]
        for name, mask, colour in layers:
            image[mask] = np.array(colour) * shade[mask, None]
            clip.classes[n][mask] = CLASS_NAMES.index(name)
        clip.rgb[n] = (image.clip(0, 1) * 255).astype(np.uint8)
        points = np.full((478, 2), (cx, cy))
        points[list(LIPS)] = np.stack([cx + 0.08 * np.cos(turn), cy + 0.14 + (mouth + 0.012) * np.sin(turn)], 1)
        for indices, side in ((RIGHT_EYE, -0.08), (LEFT_EYE, 0.08)):
            ring = np.stack([cx + side + 0.045 * np.cos(turn[:16]), cy - 0.06 + lid * np.sin(turn[:16])], 1)
            points[list(indices)] = ring
        points[10], points[2] = (cx, cy - 0.28), (cx, cy + 0.08)
        clip.landmarks[n] = points * size
    return clip


def save_array(path: Path, array: np.ndarray, stage: str) -> None:
    with write(path, stage) as temporary:
        np.save(temporary, array)


def save_text(path: Path, text: str, stage: str) -> None:
    with write(path, stage) as temporary:
        temporary.write_text(text, encoding="utf-8")


def save_sheet(path: Path, images: np.ndarray, stage: str) -> None:
    rows = [np.concatenate(list(images[k : k + 6]), 1) for k in range(0, 12, 6)]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(out, "JPEG")
    with write(path, stage) as temporary:
        temporary.write_bytes(out.getvalue())


def save_video(path: Path, stage: str, frames: Sequence[np.ndarray] | None = None) -> None:
    """Bytes that pass for a video; a true one where frames are given (for looking at the page)."""
    with write(path, stage) as temporary:
        if frames is None:
            temporary.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 8)
        else:
            from partnerface.video.encode import encode

            encode(temporary, iter(frames), 25.0)


def make_subject(
    results: Path, name: str, runs: Sequence[str], count: int = 60, size: int = 64, videos: bool = False
) -> SubjectFolder:
    """results/<name> as all stages leave it, with metrics of the real stage evaluate, and its benchmark files."""
    subject = SubjectFolder(Path(results) / name)
    clip = draw_clip(count, size)
    source = np.array([n for n in range(count + 8) if not 20 <= n < 28])  # eight source frames were dropped
    _write_clip(subject, clip, source, count, size)
    dataset = DatasetFolder(subject.dataset)
    heldout = np.zeros((2, count), bool)
    heldout[0, int(0.8 * count) :] = True
    heldout[1, count // 4 : count // 4 + count // 10] = True
    train = ~heldout.any(0)
    train[count // 4 - 2 : count // 4] = train[int(0.8 * count) - 2 : int(0.8 * count)] = False
    save_array(dataset.rgb, clip.rgb, "dataset")
    save_array(dataset.classes, clip.classes, "dataset")
    arrays = {
        "splits": np.array(["tail:0.2", "unseen-expression:0.1"]),
        "heldout": heldout,
        "train": train,
        "frame": source,
        "time_s": source / 25,
        "mask_policy": np.array("head+neck"),
        "background": np.array([0.93, 0.93, 0.95], np.float32),
        "landmarks": clip.landmarks,
        "bridged": np.zeros(count, bool),
    }
    write_npz(dataset.parameters, arrays, "dataset")
    write_npz(dataset.head, {"name": np.array("builtin")}, "dataset")
    save_video(subject.tracking_video, "tracking", list(clip.rgb) if videos else None)
    for number, run in enumerate(runs):
        make_run(subject, run, clip, heldout, train, 3 + 4 * number, videos)
    _write_benchmarks(Path(results), name, runs)
    return subject


def _write_clip(subject: SubjectFolder, clip: Clip, source: np.ndarray, count: int, size: int) -> None:
    status = {20: ("no_face", "no face above 0.5"), 23: ("blurred", "sharpness 11 < 40")}
    lines, now = ["frame,time_s,status,reason"], ("kept", "")
    for n in range(count + 8):
        now = ("kept", "") if n not in range(20, 28) else status.get(n, now)
        lines.append(f"{n},{n / 25:.4f},{now[0]},{now[1]}")
    save_text(subject.frame_index, "\n".join(lines) + "\n", "frames")
    camera = {
        "clips": [{"video": "clip.mp4", "width": 640, "height": 360, "crop": [100, 0, 460, 360], "shots": 1,
                   "other_people": 0, "dynamic_range": "sdr"}],
        "size": size, "fps": 25.0, "kept": source.tolist(), "time_s": (source / 25).tolist(), "video": "clip.mp4",
    }  # fmt: skip
    write_json(subject.camera, camera, "frames")
    save_sheet(subject.contact_sheet, clip.rgb, "frames")
    save_sheet(subject.tracking_sheet, clip.rgb, "tracking")
    save_sheet(subject.masks_sheet, clip.rgb // 2 + (clip.classes * 10)[..., None], "parsing")
    n = np.arange(count)
    trembling = np.where(n == 0, np.nan, 0.3 + 0.2 * (n == 30))
    write_npz(subject.masks, {"flicker_px": trembling, "image_size": np.array(size)}, "parsing")
    error = 0.6 + 0.3 * np.abs(np.sin(n / 9)) + 0.05 * np.random.default_rng(0).random(count)
    arrays = {
        "error_px": error.astype(np.float32),
        "bridged": (n >= 40) & (n < 43),
        "image_size": np.array(size),
        "focal": np.full(count, 2.4 * size),
        "head_name": np.array("builtin"),
        "focal_error": np.full(count, 0.25, np.float32),
        "warnings": np.array(["the clip hardly constrains the focal length (standard error 25 %)"]),
        "curve_names": np.array(["mouth_opening", "lip_width", "brow_height", "eye_opening"]),
        "curves_fit": np.stack([np.sin(n / k) for k in (3, 5, 7, 9)], 1).astype(np.float32),
        "curves_landmarks": np.stack([1.1 * np.sin(n / k) for k in (3, 5, 7, 9)], 1).astype(np.float32),
        "head_angles": np.stack([20 * np.sin(n / 9), 5 * np.sin(n / 5), 0 * n], 1).astype(np.float32),
        "rest": n < 10,
        "jitter_percent": np.array([0.11, 0.26], np.float32),
    }
    write_npz(subject.tracking, arrays, "tracking")
    _write_capture(subject, clip, source)


def _write_capture(subject: SubjectFolder, clip: Clip, source: np.ndarray) -> None:
    """capture.json as the drawn heads are judged, turned as they sway."""
    n = np.arange(len(clip.rgb))
    head = still(len(n))
    head["neck_pose"][:, 1], head["neck_pose"][:, 0] = 0.3 * np.sin(n / 9), 0.1 * np.sin(n / 5)
    found = np.ones(len(n), bool)
    face = FaceTrack.of_clip(source / 25, clip.landmarks, found, found.astype(float), head)
    statuses = [(k / 25, "kept" if k in source else "no_face") for k in range(len(n) + 8)]
    result = assess(clip.rgb, clip.classes, face, builtin_head(), head, statuses)
    write_json(subject.capture, result, "capture")
    save_sheet(subject.capture_sheet, clip.rgb, "capture")


def make_run(
    subject: SubjectFolder, run: str, clip: Clip, heldout: np.ndarray, train: np.ndarray, shift: int, videos: bool
) -> None:
    """One run: renders that are a blurred and shifted truth, its log, its metrics."""
    import argparse

    from partnerface.stages import evaluate

    folder = subject.run(run)
    positions = np.flatnonzero(heldout.any(0) | (train & (np.arange(len(train)) % 5 == 0)))
    images = []
    for position in positions:
        image = clip.rgb[position].astype(float)
        by = shift if heldout[:, position].any() else 1
        image = (image + np.roll(image, by, 1) + np.roll(image, by // 2, 0)) / 3
        images.append(image.astype(np.uint8))
    save_array(folder.renders, np.stack(images), "render")
    write_npz(folder.render_index, {"frame_index": positions}, "render")
    truth = clip.rgb[positions]
    panels = np.concatenate([truth, images, np.abs(truth.astype(int) - images).astype(np.uint8) * 2], 2)
    save_video(folder.video, "render", list(panels) if videos else None)
    lines = []
    if run != "retrieval":
        for step in range(10, 401, 10):
            line = {"step": step, "seconds": step / 8, "stage": 1 if step <= 100 else 2, "loss": 0.3 / step**0.7}
            line |= {
                "psnr": 12 + 2.8 * np.log(step),
                "heldout_psnr": 11 + 2.2 * np.log(step) if step % 40 == 0 else None,
            }
            lines.append(json.dumps(line | {"roll_backs": 0}))
    if run != "retrieval":
        facts = {"parameters": {"field": 1_000_000, "deformation": 2_345}, "seconds": 340.6}
        header = {"facts": facts | {"settings": {"steps": 400, "rays": 2048}}}
        with write(folder.avatar, "train") as temporary:
            save_file({"x": np.zeros(1)}, temporary, {"partnerface": json.dumps(header)})
    save_text(folder.log, "".join(line + "\n" for line in lines), "train")
    arguments = argparse.Namespace(subject=subject.root, run=run)
    evaluate.run(arguments, EvaluateSettings(lpips_weights="no-weights-here"))


def _write_benchmarks(results: Path, name: str, runs: Sequence[str]) -> None:
    folder = results / "benchmarks" / name
    jobs = {
        "frames": (9.1, 412),
        "landmarks": (14, 890),
        "tracking": (61.4, 1310),
        "parsing": (22, 780),
        "dataset": (3, 300),
    }
    for run in runs:
        jobs |= {f"train.{run}": (341, 2210), f"render.{run}": (48, 1400), f"evaluate.{run}": (17, 620)}
    for job, (seconds, memory) in jobs.items():
        file = folder / f"{job}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{BENCHMARK}{seconds}\t0:00:01\t{memory}\t1\t1\t1\t0\t0\t90\t{seconds * 1.7}\n")


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("made") / "results"
    make_subject(results, "anna", ("partnerface", "partnerface/seed1", "retrieval"))
    return results


@pytest.fixture
def results(_made: Path, tmp_path: Path) -> Path:
    """results/ with the subject `anna`, to be spoilt at will."""
    import shutil

    return Path(shutil.copytree(_made, tmp_path / "results"))


@pytest.fixture
def subject(results: Path) -> SubjectFolder:
    """The subject `anna`."""
    return SubjectFolder(results / "anna")
