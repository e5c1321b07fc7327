"""The frames stage on small clips with a real face, good and bad."""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder, check
from partnerface.artefacts.arrays import open_npy
from partnerface.config.settings import FramesSettings
from partnerface.conventions import FRAME_STATUSES
from partnerface.errors import InputError
from partnerface.stages import frames as stage
from partnerface.video.encode import encode

pytest.importorskip("mediapipe")
pytest.importorskip("cv2")


def run(video: Path, folder: Path, **settings) -> SubjectFolder:
    stage.run(argparse.Namespace(video=[video], subject_dir=folder), FramesSettings(**settings))
    return SubjectFolder(folder)


def rows(folder: SubjectFolder) -> list[dict[str, str]]:
    with open(folder.frame_index) as file:
        return list(csv.DictReader(file))


def test_a_good_clip(portrait_clip: Path, portrait_frames: list[np.ndarray], tmp_path: Path) -> None:
    folder = run(portrait_clip, tmp_path / "subject")
    table = rows(folder)
    assert list(table[0]) == ["frame", "time_s", "status", "reason"]
    assert [row["status"] for row in table] == ["kept"] * 30
    np.testing.assert_allclose([float(row["time_s"]) for row in table], np.arange(30) / 25, atol=1e-5)
    camera = json.loads(check(folder.camera, "frames").read_text())
    clip = camera["clips"][0]
    x0, y0, x1, y1 = clip["crop"]
    frames = open_npy(folder.frames, "frames")
    assert frames.shape == (30, camera["size"], camera["size"], 3)
    assert frames.dtype == np.uint8
    assert camera["size"] == x1 - x0 == y1 - y0
    assert (clip["width"], clip["height"], camera["fps"]) == (256, 256, 25.0)
    assert camera["kept"] == list(range(30))
    # The stored frames are the source's own pixels, as far as the codec goes.
    difference = np.abs(frames[3].astype(int) - portrait_frames[3][y0:y1, x0:x1].astype(int))
    assert difference.mean() < 4
    for box in camera["faces"]:
        assert 0 < box[0] < box[2] < camera["size"]
    assert check(folder.contact_sheet, "frames").stat().st_size > 1000


def test_the_crop_is_shrunk_with_its_content_in_place(portrait_clip: Path, tmp_path: Path) -> None:
    whole = open_npy(run(portrait_clip, tmp_path / "a").frames, "frames")
    small = open_npy(run(portrait_clip, tmp_path / "b", size=64).frames, "frames")
    assert small.shape[1:] == (64, 64, 3)
    cv2 = pytest.importorskip("cv2")
    expected = cv2.resize(np.asarray(whole[0]), (64, 64), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(small[0], expected)


def test_a_part_of_the_clip(portrait_clip: Path, tmp_path: Path) -> None:
    folder = run(portrait_clip, tmp_path / "a", start=0.2, end=0.8, min_kept=5)
    assert [int(row["frame"]) for row in rows(folder)] == list(range(5, 20))
    folder = run(portrait_clip, tmp_path / "b", start=0.2, max_frames=7, min_kept=5)
    assert [int(row["frame"]) for row in rows(folder)] == list(range(5, 12))


def test_frames_without_the_face_are_dropped_and_said(portrait_frames: list[np.ndarray], tmp_path: Path) -> None:
    clip = tmp_path / "gaps.mp4"
    blank = np.full_like(portrait_frames[0], 90)
    encode(clip, [blank if 8 <= k < 12 else image for k, image in enumerate(portrait_frames)], 25)
    folder = run(clip, tmp_path / "subject")
    table = rows(folder)
    assert {row["status"] for row in table} <= set(FRAME_STATUSES)
    assert [k for k, row in enumerate(table) if row["status"] != "kept"] == [8, 9, 10, 11]
    assert all(row["status"] == "no_face" and row["reason"] for row in table[8:12])
    assert len(open_npy(folder.frames, "frames")) == 26
    assert json.loads(folder.camera.read_text())["kept"] == [*range(8), *range(12, 30)]


def test_the_larger_of_two_people_is_kept(portrait_frames: list[np.ndarray], tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    clip, pair = tmp_path / "two.mp4", []
    for image in portrait_frames:
        canvas = np.full((256, 512, 3), 120, np.uint8)
        canvas[:, 256:] = image
        canvas[56:200, 30:174] = cv2.resize(image[:, ::-1], (144, 144), interpolation=cv2.INTER_AREA)
        pair.append(canvas)
    encode(clip, pair, 25)
    x0, _, x1, _ = json.loads(run(clip, tmp_path / "subject").camera.read_text())["clips"][0]["crop"]
    assert x0 + x1 > 512


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("zero", "empty"),
        ("text", "not a video"),
        ("cut", "truncated"),
        ("no face", "no face found in any of 30 frames"),
        ("few faces", "only 10 of 30 frames can be used"),
        ("short", "only 12 of 12 frames can be used"),
        ("nothing in time", "has no frame between 50 s and its end"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    kind: str, words: str, portrait_clip: Path, portrait_frames: list[np.ndarray], tmp_path: Path
) -> None:
    video, folder, settings = tmp_path / "video.mp4", tmp_path / "subject", {}
    blank = np.full_like(portrait_frames[0], 90)
    if kind == "folder":
        video.mkdir()
    elif kind == "zero":
        video.touch()
    elif kind == "text":
        video.write_text("no video\n" * 50)
    elif kind == "cut":
        rng = np.random.default_rng(0)
        encode(video, (rng.integers(0, 255, (64, 64, 3), dtype=np.uint8) for _ in range(75)), 25)
        video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    elif kind == "no face":
        encode(video, [blank] * 30, 25)
    elif kind == "few faces":
        encode(video, portrait_frames[:10] + [blank] * 20, 25)
    elif kind == "short":
        encode(video, portrait_frames[:12], 25)
    elif kind == "nothing in time":
        video, settings = portrait_clip, {"start": 50.0}
    with pytest.raises(InputError, match=words) as caught:
        run(video, folder, **settings)
    assert "\n" not in str(caught.value)
    left = [path.name for path in folder.iterdir()] if folder.exists() else []
    # Where something was seen, a sheet shows what.
    assert left == (["frames.failed.jpg"] if kind in ("no face", "few faces", "short") else [])


def test_detection_is_quiet(portrait_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(portrait_clip, tmp_path / "subject", max_frames=26)
    assert "W0000" not in capfd.readouterr().err
