"""Parsing and dataset on a small tracked subject."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder, read_npz, write_npz
from partnerface.artefacts.arrays import open_npy
from partnerface.artefacts.layout import DatasetFolder
from partnerface.config.settings import DatasetSettings, ParsingSettings
from partnerface.conventions import CLASS_NAMES, PARAMETER_NAMES
from partnerface.errors import ArtefactError, ConfigError
from partnerface.head.model import HeadModel
from partnerface.stages import dataset as dataset_stage
from partnerface.stages import parsing as parsing_stage
from tests.faces import sway
from tests.parsing.subject import FOCAL, SIZE, write_subject

pytest.importorskip("cv2")
pytest.importorskip("mediapipe")

COUNT = 30


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> SubjectFolder:
    """A parsed subject."""
    folder = write_subject(tmp_path_factory.mktemp("subjects") / "portrait", COUNT)
    parsing_stage.run(argparse.Namespace(subject_dir=folder.root), ParsingSettings(raster_size=96))
    return folder


def make_dataset(subject: SubjectFolder, **settings) -> DatasetFolder:
    dataset_stage.run(argparse.Namespace(subject_dir=subject.root), DatasetSettings(**settings))
    return DatasetFolder(subject.dataset)


def test_the_person_is_masked_and_labelled(subject: SubjectFolder) -> None:
    alpha, classes = (np.asarray(open_npy(path, "parsing")) for path in (subject.alpha, subject.classes))
    assert alpha.shape == classes.shape == (COUNT, SIZE, SIZE)
    assert alpha.dtype == classes.dtype == np.uint8
    for index in (0, 7, 29):
        face = np.s_[index, 60:105, 105:140]
        assert (alpha[face] > 250).mean() > 0.99
        names = {CLASS_NAMES[value] for value in np.unique(classes[face])}
        assert {"skin", "nose"} <= names
        assert "background" not in names
        # Above the head, and in the upper corner, there is nobody.
        assert (alpha[index, :12, :30] == 0).mean() > 0.95
        # The suit below is cloth, and there is some neck.
        assert (classes[index, 200:, 60:180] == CLASS_NAMES.index("cloth")).mean() > 0.8
    assert (classes[alpha == 0] == 0).all()
    assert (classes[alpha > 0] > 0).all()


def test_masks_move_with_the_head(subject: SubjectFolder) -> None:
    stamp = json.loads(subject.masks_sheet.with_name("masks.jpg.stamp.json").read_text())
    assert 0 <= stamp["params"]["flicker_px"] < 1.0
    assert subject.masks_sheet.stat().st_size > 5000
    flicker = read_npz(subject.masks, "parsing")["flicker_px"]
    # Neither the first frame has one before it, nor is a face found in frame 3.
    assert np.flatnonzero(np.isnan(flicker)).tolist() == [0, 3, 4]
    assert np.nanmean(flicker) == pytest.approx(stamp["params"]["flicker_px"], abs=1e-4)


def test_the_collar_stands_on_the_torso(subject: SubjectFolder) -> None:
    """The first row of cloth beside the chin moves as the frames do, by whole pixels of sway."""
    classes = np.asarray(open_npy(subject.classes, "parsing"))
    shift = sway(COUNT)
    for column in (60, 70, 85):
        cloth = [classes[k, :, column + x] == CLASS_NAMES.index("cloth") for k, (x, _) in enumerate(shift)]
        rows = [int(found.argmax()) - y for found, (_, y) in zip(cloth, shift, strict=True)]
        assert min(rows) > 80
        assert max(rows) - min(rows) <= 1


def test_the_dataset_folder(subject: SubjectFolder) -> None:
    out = make_dataset(subject, size=64)
    rgb, alpha, classes = (np.asarray(open_npy(path, "dataset")) for path in (out.rgb, out.alpha, out.classes))
    assert rgb.shape == (COUNT, 64, 64, 3)
    assert alpha.shape == classes.shape == (COUNT, 64, 64)
    assert (rgb[alpha == 0] == 255).all()
    # Of the cloth only the soft edge of the cut is left.
    assert alpha[classes == CLASS_NAMES.index("cloth")].max() < 200
    assert (classes == CLASS_NAMES.index("cloth")).mean() < 0.02
    values = read_npz(out.parameters, "dataset")
    for name in PARAMETER_NAMES:
        assert name in values
    np.testing.assert_allclose(values["K"][0], [[FOCAL / 4, 0, 32], [0, FOCAL / 4, 32], [0, 0, 1]])
    assert values["splits"].tolist() == ["tail", "unseen-expression"]
    assert values["heldout"].shape == (2, COUNT)
    train, held, guard = values["train"], values["heldout"].any(0), values["guard"]
    assert not (train & (held | guard)).any()
    assert not train[3]  # its pose is interpolated
    assert values["landmarks"].shape == (COUNT, 478, 2)
    landmarks = read_npz(subject.landmarks, "landmarks")["points"][..., :2]
    np.testing.assert_allclose(values["landmarks"], landmarks / 4, rtol=1e-5)
    assert str(values["mask_policy"]) == "head+neck"
    assert float(values["fps"]) == 25
    np.testing.assert_array_equal(values["frame"], np.arange(COUNT))
    assert HeadModel.load(out.head, "dataset").name == str(values["head_name"])


def test_policy_and_background(subject: SubjectFolder) -> None:
    out = make_dataset(subject, size=64)
    with_neck = int(open_npy(out.alpha, "dataset")[:].astype(int).sum())
    out = make_dataset(subject, size=64, mask_policy="head", background="black", splits=("last:5",))
    alpha, rgb = open_npy(out.alpha, "dataset")[:], open_npy(out.rgb, "dataset")[:]
    assert int(alpha.astype(int).sum()) < with_neck
    assert (rgb[alpha == 0] == 0).all()
    assert read_npz(out.parameters, "dataset")["splits"].tolist() == ["last"]


def test_a_dataset_is_never_enlarged(subject: SubjectFolder) -> None:
    out = make_dataset(subject, size=512)
    assert open_npy(out.rgb, "dataset").shape == (COUNT, SIZE, SIZE, 3)


def test_impossible_splits_leave_the_old_dataset(subject: SubjectFolder) -> None:
    out = make_dataset(subject, size=64)
    before = out.parameters.read_bytes()
    with pytest.raises(ConfigError, match=r"of portrait\.mp4 to train on"):
        make_dataset(subject, size=64, splits=("tail:0.9",))
    assert out.parameters.read_bytes() == before


def test_files_of_another_run_are_refused(tmp_path: Path) -> None:
    folder = write_subject(tmp_path / "short", 4)
    tracking = read_npz(folder.tracking, "tracking")
    for path in (folder.alpha, folder.classes):
        from partnerface.artefacts import write

        with write(path, "parsing") as temporary:
            np.save(temporary, np.zeros((5, SIZE, SIZE), np.uint8))
    with pytest.raises(ArtefactError, match="has 5 frames") as caught:
        make_dataset(folder)
    assert "partnerface parsing" in str(caught.value)
    write_npz(folder.tracking, tracking | {"translation": tracking["translation"][:2]}, "tracking")
    with pytest.raises(ArtefactError, match="partnerface tracking"):
        make_dataset(folder)
