"""A driver's video is tracked once: what is done, whole and of the same settings is not done again."""

import dataclasses
import sys
from pathlib import Path
from types import ModuleType

import pytest

from partnerface.acting.tracked import STAGES, is_done, track_video
from partnerface.artefacts import SubjectFolder, write
from partnerface.config.changes import sections_with
from partnerface.errors import ConfigError

OUTPUTS = {
    "frames": ("frames", "frame_index", "sound", "camera"),
    "landmarks": ("landmarks",),
    "tracking": ("tracking", "head"),
}


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    """Stages that write what the real ones do, and note that they were run."""
    names: list[str] = []
    for stage in STAGES:
        module = ModuleType(stage)

        def run(args, settings, stage=stage):
            names.append(stage)
            folder = SubjectFolder(args.subject_dir)
            inputs = {
                "frames": args.video,
                "landmarks": [folder.frames, folder.camera],
                "tracking": [folder.landmarks, folder.camera],
            }[stage]
            for name in OUTPUTS[stage]:
                with write(getattr(folder, name), stage, inputs, dataclasses.asdict(settings)) as path:
                    path.write_text(stage + str(args.video[0].read_bytes()) + str(settings))

        module.__dict__["run"] = run
        monkeypatch.setitem(sys.modules, f"partnerface.stages.{stage}", module)
    return names


@pytest.fixture
def video(tmp_path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"one")
    return path


def test_once(ran, video, tmp_path):
    settings = sections_with([], STAGES)
    folder = track_video(video, tmp_path / "work", settings)
    assert ran == list(STAGES)
    track_video(video, tmp_path / "work", settings)
    assert ran == list(STAGES)
    assert folder.tracking.is_file()


def test_goes_on_where_it_was_killed(ran, video, tmp_path):
    settings = sections_with([], STAGES)
    folder = track_video(video, tmp_path / "work", settings)
    folder.head.with_name("head.npz.stamp.json").unlink()
    ran.clear()
    track_video(video, tmp_path / "work", settings)
    assert ran == ["tracking"]
    folder.camera.write_text("cut")
    ran.clear()
    track_video(video, tmp_path / "work", settings)
    assert ran == ["frames"], "made again from the same bytes they are the same, and what follows them stands"


def test_another_video_or_setting_is_tracked_anew(ran, video, tmp_path):
    track_video(video, tmp_path / "work", sections_with([], STAGES))
    ran.clear()
    track_video(video, tmp_path / "work", sections_with(["tracking.refine=false"], STAGES))
    assert ran == ["tracking"]
    ran.clear()
    video.write_bytes(b"two")
    track_video(video, tmp_path / "work", sections_with(["tracking.refine=false"], STAGES))
    assert ran == list(STAGES)


def test_nothing_is_not_done(tmp_path):
    assert not is_done([tmp_path / "none"], [], {})


@pytest.mark.parametrize("change", ["train.steps=4", "steps=4", "frames", "frames.rate=fast", "tracking.none=1"])
def test_impossible_changes(change):
    with pytest.raises(ConfigError):
        sections_with([change], STAGES)
