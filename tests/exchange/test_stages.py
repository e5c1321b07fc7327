"""`partnerface export` and `partnerface import` on pictures with a real face: the demo's, whose truth is known."""

import csv
import importlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partnerface.artefacts import SubjectFolder, read_json, read_npz, write, write_json, write_npz
from partnerface.artefacts.arrays import open_npy
from partnerface.artefacts.files import read_stamp
from partnerface.cli import main
from partnerface.conventions import CLASS_NAMES, PARAMETER_NAMES
from partnerface.errors import ArtefactError
from partnerface.head.model import HeadModel

#: Frames of the demo that are far apart, so that another frame's codes don't fit.
FRAMES, EVERY = 120, 9
NUMBERS = np.array([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> SubjectFolder:
    """The demo's frames with their true parameters, as frames, tracking and parsing would leave them."""
    pytest.importorskip("mediapipe")
    from partnerface.demo.clip import draw, make_demo, truth

    demo = make_demo(FRAMES)
    values = truth(demo)
    chosen = np.arange(0, FRAMES, EVERY)
    assert len(chosen) == len(NUMBERS)
    per_frame = [name for name in PARAMETER_NAMES if name != "shape"]
    some = {name: values[name][chosen] if name in per_frame else values[name] for name in (*PARAMETER_NAMES, "offset")}
    frames = np.stack(list(draw(replace(demo, parameters={**values, **some}, vertices=demo.vertices[chosen]))))
    folder, count, size = SubjectFolder(tmp_path_factory.mktemp("results") / "me"), len(chosen), frames.shape[1]
    with write(folder.frames, "frames") as path:
        np.save(path, frames)
    for file, array in (
        (folder.alpha, np.full((count, size, size), 255, np.uint8)),
        (folder.classes, np.full((count, size, size), CLASS_NAMES.index("skin"), np.uint8)),
    ):
        with write(file, "parsing") as path:
            np.save(path, array)
    write_json(folder.camera, {"fps": 25.0, "kept": NUMBERS.tolist(), "size": size}, "frames")
    tracking = {
        **{name: some[name] for name in PARAMETER_NAMES},
        "focal": values["focal"],
        "image_size": values["image_size"],
        "principal_point": np.tile(values["principal_point"], (count, 1)),
        "bridged": np.zeros(count, bool),
        "head_name": values["head_name"],
    }
    write_npz(folder.tracking, tracking, "tracking")
    demo.head.with_offset(some["offset"]).save(folder.head)
    return folder


@pytest.fixture(scope="module")
def exported(subject, tmp_path_factory) -> dict[str, Path]:
    """The subject in each format."""
    root, out = tmp_path_factory.mktemp("exported"), {}
    for name in ("insta", "imavatar", "nerfstudio"):
        out[name] = root / name
        words = ["--no-meshes"] if name == "insta" else []
        assert main(["export", str(subject.root), "--format", name, "-o", str(out[name]), "--test", "3", *words]) == 0
    return out


@pytest.fixture
def copied(exported, tmp_path) -> Path:
    """A copy of the INSTA folder to spoil."""
    return Path(shutil.copytree(exported["insta"], tmp_path / "insta"))


def imported(folder: Path, into: Path, *words: str) -> int:
    return main(["import", str(folder), str(into), *words])


def change(folder: Path, edit) -> None:
    data = json.loads((folder / "transforms.json").read_text())
    edit(data)
    (folder / "transforms.json").write_text(json.dumps(data))


@pytest.mark.parametrize("name", ["insta", "imavatar", "nerfstudio"])
def test_the_tracking_comes_back_and_sits(exported, subject, tmp_path, capsys, name):
    head = str(exported[name] / "head.npz")
    assert imported(exported[name], tmp_path / "you", "--head", head) == 0
    err = capsys.readouterr().err
    folder = SubjectFolder(tmp_path / "you")
    back, truth = read_npz(folder.tracking, "import"), read_npz(subject.tracking, "tracking")
    for key in PARAMETER_NAMES:
        # See test_round_trips for the files; the result is float32, and poses near pi have steps of 2.4e-7.
        np.testing.assert_allclose(back[key], truth[key], atol=2e-6, err_msg=key)
    assert back["focal"] == pytest.approx(truth["focal"][: len(back["focal"])])
    assert f"{float(back['import_error_percent']):.1f} % of the distance" in err
    assert 0 < float(back["import_error_percent"]) < 6
    assert np.isfinite(back["error_px"]).all()
    assert not back["bridged"].any()
    np.testing.assert_array_equal(HeadModel.load(folder.head).template, HeadModel.load(subject.head).template)
    assert "head.npz" in read_stamp(folder.tracking)["inputs"]
    assert f"read from {head}" in err


def test_what_frames_would_leave(exported, subject, tmp_path):
    assert imported(exported["imavatar"], tmp_path / "you", "--head", str(exported["imavatar"] / "head.npz")) == 0
    folder = SubjectFolder(tmp_path / "you")
    camera = read_json(folder.camera, "import")
    assert camera["kept"] == NUMBERS.tolist()
    np.testing.assert_allclose(camera["time_s"], NUMBERS / 25)
    np.testing.assert_array_equal(open_npy(folder.frames, "import")[:], open_npy(subject.frames, "frames")[:])
    with open(folder.frame_index, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["skipped" if k == 4 else "kept" for k in range(15)]
    assert float(rows[4]["time_s"]) == pytest.approx(4 / 25)
    boxes, points = np.array(camera["faces"]), read_npz(folder.tracking, "import")["landmarks_px"]
    assert ((boxes[:, :2] < points[:, 1]) & (points[:, 1] < boxes[:, 2:])).all()  # the nose lies in the face's box
    for file in (folder.contact_sheet, folder.sound, folder.tracking_video, folder.imported_cameras):
        assert file.stat().st_size > 500
    alpha = open_npy(folder.imported_alpha, "import")
    assert alpha.shape == (len(NUMBERS), camera["size"], camera["size"])
    assert alpha[:].min() == 255


def test_the_road_goes_on(exported, tmp_path):
    """Stages after tracking take what was imported as their own."""
    you = str(tmp_path / "you")
    assert imported(exported["insta"], tmp_path / "you", "--head", str(exported["insta"] / "head.npz")) == 0
    for stage in ("landmarks", "parsing", "capture"):
        assert main([stage, you]) == 0, stage
    assert main(["dataset", you, "--size", "64", "--splits", "tail:0.3"]) == 0
    data = read_npz(tmp_path / "you" / "dataset" / "dataset.npz", "dataset")
    assert data["K"].shape == (len(NUMBERS), 3, 3)
    assert data["train"].sum() > 4


def flip(data):
    for frame in data["frames"]:
        frame["transform_matrix"] = (np.array(frame["transform_matrix"]) @ np.diag([1.0, -1, -1, 1])).tolist()


def shift(data):
    frames = data["frames"]
    for frame, other in zip(frames[:-1], json.loads(json.dumps(frames[1:])), strict=True):
        frame["file_path"] = other["file_path"]
    del frames[-1]
    # The codes stay with their files' names, the pictures are the next ones.


def scale(data):
    for frame in data["frames"]:
        for row in frame["transform_matrix"][:3]:
            row[3] *= 4


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (flip, "the camera's y and z axes turned round"),
        (shift, "codes of the next picture"),
        (scale, "lengths divided by 4"),
    ],
)
def test_a_tracking_that_does_not_sit_is_refused_with_the_reason(copied, tmp_path, capsys, edit, words):
    change(copied, edit)
    assert imported(copied, tmp_path / "you", "--head", str(copied / "head.npz")) == 2
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith("partnerface import:")
    assert "does not fit its pictures" in err
    assert f"with {words}" in err
    assert not (tmp_path / "you").exists()  # nothing half-written


def test_mirrored_pictures(copied, tmp_path, capsys):
    for file in (copied / "images").iterdir():
        Image.open(file).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file)
    assert imported(copied, tmp_path / "you", "--head", str(copied / "head.npz")) == 2
    assert "the pictures mirrored left to right" in capsys.readouterr().err


def as_flame(folder: Path) -> None:
    """As another program would leave it: nothing of ours in the JSON, so the codes are FLAME's."""
    change(folder, lambda data: data.pop("partnerface"))
    (folder / "head.npz").unlink()


def test_flame_codes_want_flame(copied, tmp_path, capsys):
    with np.load(copied / "head.npz") as data:
        arrays = {name: data[name] for name in data.files}
    as_flame(copied)
    assert imported(copied, tmp_path / "you") == 2
    err = capsys.readouterr().err
    assert "generic_model.pkl" in err
    assert "--tracking own" in err
    assert imported(copied, tmp_path / "you", "--head", str(tmp_path / "none.pkl")) == 2
    assert "none.pkl is no file" in capsys.readouterr().err
    np.savez(tmp_path / "flame.npz", **{**arrays, "name": np.array("flame2020")})
    assert imported(copied, tmp_path / "you", "--head", str(tmp_path / "flame.npz")) == 0
    assert str(read_npz(tmp_path / "you" / "tracking.npz", "import")["head_name"]) == "flame2020"
    np.savez(tmp_path / "flame.npz", **{**arrays, "name": np.array("flame2023")})
    assert imported(copied, tmp_path / "they", "--head", str(tmp_path / "flame.npz")) == 2
    assert "not of flame2023" in capsys.readouterr().err
    assert imported(copied, tmp_path / "they", "--head", str(tmp_path / "flame.npz"), "--basis", "flame2023") == 0


def test_pictures_alone_are_tracked_anew(copied, tmp_path, capsys):
    as_flame(copied)
    assert imported(copied, tmp_path / "you", "--tracking", "own") == 0
    err = capsys.readouterr().err
    folder = SubjectFolder(tmp_path / "you")
    assert "tracked anew" in err
    assert "--set tracking.focal_ratio=1.6000" in err
    assert folder.frames.is_file()
    assert not folder.tracking.exists()
    assert main(["landmarks", str(folder.root)]) == 0
    with pytest.raises(ArtefactError):
        HeadModel.load(folder.head)


def test_no_tracking_in_the_folder(copied, tmp_path, capsys):
    shutil.rmtree(copied / "flame" / "jaw")
    assert imported(copied, tmp_path / "you", "--head", str(copied / "head.npz")) == 2
    assert "no FLAME codes for jaw" in capsys.readouterr().err


def test_pictures_without_a_face(copied, tmp_path, capsys):
    for file in (copied / "images").iterdir():
        Image.fromarray(np.full((320, 320, 3), 128, np.uint8)).save(file)
    assert imported(copied, tmp_path / "you", "--head", str(copied / "head.npz")) == 2
    assert "no face is seen" in capsys.readouterr().err


def test_oblong_pictures_are_cut_around_the_face(copied, subject, tmp_path):
    """Pictures with a wide margin: the square is cut around the face, and the tracking stays with it."""
    for file in (copied / "images").iterdir():
        wide = np.full((320, 560, 3), 160, np.uint8)
        wide[:, 200:520] = np.array(Image.open(file).convert("RGB"))
        Image.fromarray(wide).save(file)

    def moved(data):
        data.update(w=560.0, cx=data["cx"] + 200)

    change(copied, moved)
    assert imported(copied, tmp_path / "you", "--head", str(copied / "head.npz")) == 0
    folder = SubjectFolder(tmp_path / "you")
    x0, y0, x1, y1 = read_json(folder.camera, "import")["clips"][0]["crop"]
    assert (y0, y1, x1 - x0) == (0, 320, 320)
    assert 150 < x0 < 240
    back = read_npz(folder.tracking, "import")
    np.testing.assert_allclose(back["translation"], read_npz(subject.tracking, "tracking")["translation"], atol=2e-6)
    np.testing.assert_allclose(back["principal_point"][:, 0], 360 - x0, atol=1e-4)


def test_export_wants_what_the_stages_left(tmp_path, capsys):
    assert main(["export", str(tmp_path / "none"), "--format", "insta", "-o", str(tmp_path / "out")]) == 2
    assert "is no folder" in capsys.readouterr().err
    (tmp_path / "me").mkdir()
    assert main(["export", str(tmp_path / "me"), "--format", "insta", "-o", str(tmp_path / "out")]) == 2
    assert "run `partnerface frames` again" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_export_says_whose_codes_they_are(subject, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["export", str(subject.root), "--format", "nerfstudio", "-o", str(out)]) == 0
    assert "codes are of the head model builtin-2, not FLAME's" in capsys.readouterr().err
    assert main(["export", str(subject.root), "--format", "nerfstudio", "-o", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["export", str(subject.root), "--format", "insta", "-o", str(tmp_path / "b"), "--test", "14"]) == 2
    assert "hold out fewer" in capsys.readouterr().err


def test_flame_itself_is_not_handed_on(subject, tmp_path):
    copy = Path(shutil.copytree(subject.root, tmp_path / "me"))
    head = replace(HeadModel.load(subject.head), name="flame-2020-s1e1-0123456789ab")
    head.save(copy / "head.npz")
    out = tmp_path / "out"
    assert main(["export", str(copy), "--format", "nerfstudio", "-o", str(out)]) == 0
    assert not (out / "head.npz").exists()
    data = json.loads((out / "transforms.json").read_text())
    assert data["partnerface"]["head"] == head.name
    assert "note" not in data["partnerface"]


@pytest.mark.parametrize("words", [["import", "--help"], ["export", "--help"]])
def test_help_teaches(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    out = capsys.readouterr().out
    assert "\nexamples:\n  partnerface " in out
    assert "docs/formats.md" in out


def test_formats_are_those_of_the_settings():
    from partnerface.config.settings import ImportSettings
    from partnerface.exchange.formats import FORMATS

    choices = ImportSettings.__dataclass_fields__["format"].metadata["choices"]
    assert choices == ("auto", *FORMATS)
    assert importlib.import_module("partnerface.stages.import").SETTINGS is ImportSettings
