"""Landmarks of renders against those of true frames: by hand, on a real face, and where nobody can read them."""

import argparse
import json
import sys

import numpy as np
import pandas as pd
import pytest

from partnerface.artefacts.files import write
from partnerface.artefacts.layout import DatasetFolder
from partnerface.config.settings import EvaluateSettings
from partnerface.evaluation.expression import LIDS, LIPS, POINTS, Readings, landmark_error
from partnerface.evaluation.frames import read_frames
from partnerface.evaluation.measure import measure
from partnerface.stages import evaluate
from tests.evaluation.conftest import face_landmarks
from tests.faces import moved, portrait

# `face_landmarks` has the two points that stand for the outer corners of the eyes at 0.43 and 0.67 of the size.
POINTS_PX, UNIT = face_landmarks(100), 24.0


def test_a_shift_by_hand():
    errors = landmark_error(POINTS_PX, POINTS_PX + np.array([3, 4]))
    assert errors == pytest.approx({"face": 100 * 5 / UNIT, "mouth": 100 * 5 / UNIT, "eyes": 100 * 5 / UNIT})
    assert landmark_error(POINTS_PX, POINTS_PX) == {"face": 0, "mouth": 0, "eyes": 0}


def test_a_mouth_that_lags_by_hand():
    late = POINTS_PX.copy()
    late[list(LIPS), 1] += 2
    errors = landmark_error(POINTS_PX, late)
    assert errors["mouth"] == pytest.approx(100 * 2 / UNIT)
    assert errors["eyes"] == 0
    assert errors["face"] == pytest.approx(100 * 2 / UNIT * 40 / 92)  # 40 points of lips, 32 of lids, 20 of brows


def test_no_point_counts_twice():
    assert [len(points) for points in POINTS.values()] == [len(set(points)) for points in POINTS.values()]
    assert not set(LIPS) & set(LIDS)


def test_a_render_without_a_face_has_no_row_and_is_counted(subject):
    frames = read_frames(DatasetFolder(subject.dataset), subject.run("partnerface"))
    truth = np.repeat(POINTS_PX[None], 6, 0)
    rendered = truth + np.array([1, 0])
    rendered[4], truth[5] = np.nan, np.nan
    readings = Readings(truth, rendered, "by hand")
    assert readings.lost().tolist() == [False, False, False, False, True, False]
    rows = measure(frames, {}, readings=readings).rows
    rows = rows[rows.metric == "landmark_error"]
    assert rows.groupby(["split", "region"]).frame.agg(sorted).to_dict() == {
        (split, region): found
        for split, found in (("train", [10, 11]), ("unseen-expression", [14]))
        for region in ("eyes", "face", "mouth")
    }
    assert rows.value.to_numpy() == pytest.approx(100 / UNIT)


@pytest.fixture
def faces(subject):
    """The subject with a real face: true frames all alike, renders shifted to the right by 0, 1, ... 5 px."""
    dataset, run = DatasetFolder(subject.dataset), subject.run("partnerface")
    image = portrait(256)
    with write(dataset.rgb, "dataset") as temporary:
        np.save(temporary, np.repeat(image[None], 8, 0))
    with write(dataset.classes, "dataset") as temporary:
        np.save(temporary, np.ones((8, 256, 256), np.uint8))
    with write(run.renders, "render") as temporary:
        np.save(temporary, np.stack([moved(image, by, 0) for by in range(6)]))
    return subject


def test_a_real_face(faces):
    """Equal pictures score 0; a render beside its place is off by as much."""
    pytest.importorskip("mediapipe")
    frames = read_frames(DatasetFolder(faces.dataset), faces.run("partnerface"))
    frames.arrays["landmarks"] = seen_around(frames.truth[0])
    readings = evaluate.read_landmarks(frames, "test")
    assert isinstance(readings, Readings)
    assert not readings.lost().any()
    assert np.isnan(readings.truth[5]).all()  # frame 7 has no landmarks and is not looked at
    assert readings.errors(0) == {"face": 0, "mouth": 0, "eyes": 0}
    unit = np.linalg.norm(readings.truth[0][263] - readings.truth[0][33])
    errors = [readings.errors(index)["face"] * unit / 100 for index in range(5)]
    assert errors == pytest.approx(range(5), abs=0.35)


def seen_around(image: np.ndarray) -> np.ndarray:
    """(8, 478, 2) the portrait's landmarks for each frame."""
    from partnerface.landmarks.mesh import FaceMesh
    from partnerface.landmarks.region import Region

    region = Region.of_box(np.array([90, 40, 180, 130]) * image.shape[0] / 256)
    with FaceMesh() as mesh:
        for _ in range(3):
            look = mesh(image, region)
            assert look is not None
            region = Region.of_points(look.points)
    return np.repeat(look.points[None, :, :2], 8, 0)


@pytest.mark.parametrize("module", ["mediapipe", "cv2"])
def test_without_a_detector_it_is_absent_with_a_reason(subject, monkeypatch, module):
    for name in [name for name in sys.modules if name.startswith("partnerface.landmarks")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    evaluate.run(argparse.Namespace(subject=subject.root, run="partnerface"), EvaluateSettings())
    run = subject.run("partnerface")
    assert "landmark_error" not in set(pd.read_csv(run.metrics).metric)
    landmarks = json.loads(run.protocol.read_text())["landmarks"]
    assert landmarks["present"] is False
    assert module in landmarks["reason"]
