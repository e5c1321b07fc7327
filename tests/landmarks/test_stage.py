"""The stage: what it writes under each setting, and what it says when it can't."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder, read_npz, write, write_json
from partnerface.config.document import read_config
from partnerface.config.settings import LandmarksSettings
from partnerface.errors import ConfigError, InputError
from partnerface.landmarks.container import Landmarks
from partnerface.landmarks.filter import filtered
from partnerface.stages import landmarks as stage
from tests.faces import portrait, swaying
from tests.landmarks.task_file import write_task

pytest.importorskip("mediapipe")

#: Where the portrait's face is, in shares of its edge.
FACE = np.array([0.37, 0.2, 0.58, 0.42])


def subject(folder: Path, frames: np.ndarray, faces: np.ndarray) -> SubjectFolder:
    names = SubjectFolder(folder)
    with write(names.frames, "frames") as path:
        np.save(path, frames)
    time_s = [round(index / 25, 4) for index in range(len(frames))]
    write_json(names.camera, {"faces": faces.tolist(), "video": "clip.mp4", "time_s": time_s}, "frames")
    return names


def test_the_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    frames = np.stack(swaying(6))
    names = subject(tmp_path / "subject", frames, np.tile(FACE * 256, (6, 1)))
    run(names, views=1)
    found = Landmarks.from_arrays(read_npz(names.landmarks, "landmarks"))
    assert found.found.all()
    stamp = json.loads((names.landmarks.parent / "landmarks.npz.stamp.json").read_text())
    assert stamp["params"]["views"] == 1
    assert "W0000" not in capfd.readouterr().err


def test_too_few_faces_are_one_line(tmp_path: Path) -> None:
    frames = np.stack([portrait(256)] + [np.full((256, 256, 3), 120, np.uint8)] * 5)
    names = subject(tmp_path / "subject", frames, np.tile(FACE * 256, (6, 1)))
    with pytest.raises(InputError, match="found in only 1 of 6 frames") as caught:
        stage.run(argparse.Namespace(subject_dir=names.root), LandmarksSettings(views=1))
    assert "\n" not in str(caught.value)
    assert not names.landmarks.exists()


def run(names: SubjectFolder, **settings) -> dict[str, np.ndarray]:
    stage.run(argparse.Namespace(subject_dir=names.root), LandmarksSettings(**settings))
    return read_npz(names.landmarks, "landmarks")


def stamp(names: SubjectFolder) -> dict:
    return json.loads((names.landmarks.parent / "landmarks.npz.stamp.json").read_text())


def test_the_filter_is_recorded_and_can_be_undone(tmp_path: Path) -> None:
    names = subject(tmp_path / "subject", np.stack(swaying(8)), np.tile(FACE * 256, (8, 1)))
    plain = run(names, views=1)
    assert "points_raw" not in plain
    steadied = run(names, views=1, filter="gaussian", filter_width=0.08)
    np.testing.assert_array_equal(steadied["points_raw"], plain["points"])
    time_s = np.arange(8) / 25
    expected = filtered(Landmarks.from_arrays(plain), time_s, "gaussian", 0.08).points
    np.testing.assert_array_equal(steadied["points"], expected)
    assert np.abs(steadied["points"] - plain["points"]).max() > 0.05
    assert stamp(names)["params"]["filter"] == "gaussian"
    assert stamp(names)["params"]["filter_width"] == 0.08


def test_a_task_file_gives_blendshapes_and_stands_in_the_stamp(tmp_path: Path) -> None:
    names = subject(tmp_path / "subject", np.stack(swaying(4)), np.tile(FACE * 256, (4, 1)))
    task = write_task(tmp_path / "face_landmarker.task")
    arrays = run(names, views=2, task_file=str(task))
    assert arrays["blendshapes"].shape == (4, 52)
    assert str(arrays["blendshape_names"][25]) == "jawOpen"
    assert Landmarks.from_arrays(arrays).found.all()
    assert "face_landmarker.task" in stamp(names)["inputs"]


def test_68_points_beside_478(tmp_path: Path) -> None:
    """Under random weights no face is found in them; the arrays, their names and MediaPipe's points are as they should
    be."""
    torch = pytest.importorskip("torch")
    models = pytest.importorskip("face_alignment.models")
    from partnerface.landmarks.fan import FILE

    torch.manual_seed(0)
    torch.save(models.FAN(4).state_dict(), tmp_path / FILE)
    names = subject(tmp_path / "subject", np.stack(swaying(2)), np.tile(FACE * 256, (2, 1)))
    plain = run(names, views=1)
    both = run(names, views=1, detector="both", weights=str(tmp_path))
    np.testing.assert_array_equal(both["points"], plain["points"])
    beside = Landmarks.from_arrays(both, prefix=stage.BESIDE)
    assert beside.scheme == "ibug68"
    assert len(beside) == 2
    assert Landmarks.from_arrays(both).scheme == "mediapipe478"
    assert FILE in stamp(names)["inputs"]
    alone = run(names, views=1, detector="face-alignment", weights=str(tmp_path), min_found_fraction=0.0)
    assert Landmarks.from_arrays(alone).scheme == "ibug68"
    assert "visibility" in alone


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"detector": "both", "weights": "nowhere"}, "2DFAN4-11f355bf06.pth.tar"),
        ({"task_file": "nowhere.task"}, "nowhere.task"),
    ],
)
def test_absent_files_are_said_before_the_work(tmp_path: Path, settings: dict, words: str, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = subject(tmp_path / "subject", np.stack(swaying(2)), np.tile(FACE * 256, (2, 1)))
    with pytest.raises(InputError, match=words) as caught:
        run(names, **settings)
    assert "\n" not in str(caught.value)
    assert not names.landmarks.exists()


def test_the_road_refuses_68_points_alone() -> None:
    values = {"subjects": {"anna": {"video": "a.mp4", "landmarks": {"detector": "face-alignment"}}}}
    with pytest.raises(ConfigError, match=r"subject anna.*write 'both'"):
        read_config(values)
    values["subjects"]["anna"]["landmarks"]["detector"] = "both"
    assert read_config(values).settings("landmarks", "anna").detector == "both"
