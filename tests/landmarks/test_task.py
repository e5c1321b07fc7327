"""MediaPipe's Tasks API on a file put together from the wheel's models (see task_file.py for what that can't show)."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from partnerface.errors import InputError, PartNerFaceError
from partnerface.landmarks.detect import detect
from partnerface.landmarks.mesh import FaceMesh
from partnerface.landmarks.region import Region
from partnerface.landmarks.task import TaskMesh
from tests.faces import portrait, swaying
from tests.landmarks.task_file import score, write_task

pytest.importorskip("mediapipe")
FACE = np.array([0.37, 0.2, 0.58, 0.42])


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("task") / "face_landmarker.task")


def test_the_points_are_the_bundled_models(task: Path) -> None:
    """The same network by both roads, up to the task's own cut: a small share of the distance of the eyes."""
    image = portrait(512)
    with FaceMesh() as mesh, TaskMesh(task) as landmarker:
        region = Region.of_box(FACE * 512)
        for _ in range(3):
            one = mesh(image, region)
            assert one is not None
            region = Region.of_points(one.points)
        other = landmarker.looks(image, [region])[0]
    assert other is not None
    off = (other.points - one.points)[:, :2] / np.linalg.norm((one.points[33] - one.points[263])[:2])
    refined = 468  # eyes and lips of the bundled road are refined, those of the file are not
    assert np.linalg.norm(off[:refined], axis=1).mean() < 0.03
    assert np.abs(off[:refined].mean(0)).max() < 0.01
    assert np.linalg.norm(off[refined:], axis=1).max() < 0.06


def test_a_clip_with_blendshapes(task: Path) -> None:
    frames = np.stack(swaying(6))
    faces = np.tile(FACE * 256, (6, 1))
    found = detect(frames, faces, 3, 2.0, lambda: TaskMesh(task), workers=2)
    assert found.found.all()
    assert found.blendshapes is not None
    assert found.blendshape_names[:3] == ("_neutral", "browDownLeft", "browDownRight")
    assert found.blendshape_names[25] == "jawOpen"
    assert len(set(found.blendshape_names)) == 52
    np.testing.assert_allclose(found.blendshapes, np.tile([score(k) for k in range(52)], (6, 1)), atol=1e-6)
    alone = detect(frames, faces, 3, 2.0, lambda: TaskMesh(task), workers=1)
    np.testing.assert_array_equal(alone.points, found.points)


def test_the_names_are_the_tasks_own(task: Path) -> None:
    """Ours are spelled from an enumeration; the task sends the same with its answer."""
    with TaskMesh(task) as landmarker:
        answer = landmarker._detect(np.ascontiguousarray(portrait(512)[60:260, 160:360]))
        assert tuple(item.category_name for item in answer.face_blendshapes[0]) == landmarker.blendshape_names


def test_without_the_blendshape_model_there_are_none(tmp_path: Path) -> None:
    with TaskMesh(write_task(tmp_path / "plain.task", blendshapes=False)) as landmarker:
        assert landmarker.blendshape_names == ()
        look = landmarker.looks(portrait(256), [Region.of_box(FACE * 256)])[0]
        assert look is not None
        assert look.blendshapes is None
        assert landmarker.looks(np.full((128, 128, 3), 120, np.uint8), [Region(64, 64, 100, 0)]) == [None]


def damaged(tmp_path: Path, task: Path, how: str) -> Path:
    path = tmp_path / "x.task"
    whole = task.read_bytes()
    if how == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    if how == "bits":
        path.write_bytes(whole[:50_000] + bytes(byte ^ 255 for byte in whole[50_000:50_100]) + whole[50_100:])
    if how == "text":
        path.write_text("not a task")
    if how == "other":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("hand_detector.tflite", b"x")
    if how == "models":
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("face_detector.tflite", "face_landmarks_detector.tflite"):
                archive.writestr(name, b"no model")
    if how == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize("how", ["absent", "folder", "text", "cut", "bits", "other", "models"])
def test_what_is_no_face_landmarker_is_one_line(tmp_path: Path, task: Path, how: str) -> None:
    with pytest.raises(InputError, match=r"x\.task") as caught:
        TaskMesh(damaged(tmp_path, task, how))
    assert "\n" not in str(caught.value)
    assert "face_landmarker.task from" in str(caught.value)


def test_mediapipe_without_bundled_models_says_how_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """What 0.10.30 and later look like: `mediapipe.python` is gone."""
    monkeypatch.setitem(sys.modules, "mediapipe.python.solution_base", None)
    with pytest.raises(PartNerFaceError, match=r"install mediapipe==0\.10\.21.*landmarks\.task_file") as caught:
        FaceMesh()
    assert "face_landmarker.task" in str(caught.value)
    assert "\n" not in str(caught.value)
