"""`partnerface run` before Snakemake starts: what is asked for, and what is refused in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from partnerface.errors import PartNerFaceError
from partnerface.launch.run import parser, put, resolve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resolved(*words):
    return resolve(parser().parse_args(words))


def test_without_a_video_the_configuration_says_who():
    assert list(resolved().subjects) == ["demo"]
    Path("config.yaml").write_text("subjects: {a: a.mp4, b: {video: b.mp4, train: {steps: 3}}}\n")
    assert list(resolved().subjects) == ["a", "b"]
    assert list(resolved("--subject", "b").subjects) == ["b"]
    with pytest.raises(PartNerFaceError, match=r"--subject c is not in config\.yaml, which has a, b"):
        resolved("--subject", "c")


def test_a_video_names_its_subject():
    assert resolved("clips/Anna 2.mp4").subjects["Anna_2"].videos == ("clips/Anna 2.mp4",)
    assert resolved("x.mp4", "--subject", "me").subjects["me"].videos == ("x.mp4",)
    assert resolved("demo").subjects["demo"].is_demo


def test_a_folder_of_videos_is_a_subject_each():
    folder = Path("clips")
    folder.mkdir()
    for name in ("Anna 1.mp4", "ben.MOV", ".ben.MOV", "notes.txt"):
        (folder / name).write_bytes(b"x")
    subjects = resolved("clips").subjects
    assert {name: subject.videos for name, subject in subjects.items()} == {
        "Anna_1": ("clips/Anna 1.mp4",),
        "ben": ("clips/ben.MOV",),
    }
    with pytest.raises(PartNerFaceError, match="--subject names one person, but clips is a folder of videos"):
        resolved("clips", "--subject", "me")
    (folder / "ben.mp4").write_bytes(b"x")
    with pytest.raises(PartNerFaceError, match=r"clips/ben\.MOV and clips/ben\.mp4 would both be the subject ben"):
        resolved("clips")
    (folder / "1.png").write_bytes(b"x")
    with pytest.raises(PartNerFaceError, match="clips holds videos and pictures"):
        resolved("clips")


def test_a_folder_of_pictures_is_one_clip():
    Path("me").mkdir()
    Path("me/1.png").write_bytes(b"x")
    assert resolved("me").subjects["me"].videos == ("me",)


def test_a_video_keeps_the_settings_that_its_subject_has():
    Path("config.yaml").write_text("subjects: {b: {video: b.mp4, train: {steps: 3}}}\n")
    subject = resolved("other.mp4", "--subject", "b").subjects["b"]
    assert (subject.videos, subject.settings["train"].steps) == (("other.mp4",), 3)


def test_a_folder_of_another_program_names_its_subject():
    subject = resolved("--import", "data/insta bala/", "--set", "import.head=flame.pkl").subjects["insta_bala"]
    assert (subject.folder, subject.videos, subject.is_tracked) == ("data/insta bala/", (), True)
    assert subject.settings["import"].head == "flame.pkl"
    assert resolved("--import", "x", "--subject", "me").subjects["me"].folder == "x"
    with pytest.raises(PartNerFaceError, match="both a video and --import"):
        resolved("x.mp4", "--import", "x")
    Path("config.yaml").write_text("subjects: {b: {import: {folder: one, tracking: own}, train: {steps: 3}}}\n")
    subject = resolved("--import", "two", "--subject", "b").subjects["b"]
    assert (subject.folder, subject.is_tracked, subject.settings["train"].steps) == ("two", False, 3)
    assert resolved("me.mp4", "--subject", "b").subjects["b"].folder == ""


def test_changes():
    config = resolved(
        "x.mp4", "--set", "train.steps=7", "--set", "train.rate_grid=1e-3", "--set", "methods=global", "--results", "o"
    )
    train = config.settings("train", "x")
    assert (train.steps, train.rate_grid, config.methods, config.results) == (7, 1e-3, ("global",), "o")


@pytest.mark.parametrize("change", ["train.steps", "=3", "a.b.c=3", ".steps=1"])
def test_malformed_changes(change):
    with pytest.raises(PartNerFaceError, match=r"section\.key=value"):
        put({}, change)


def command(*words, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "partnerface", "run", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def refused(*words, cwd):
    """The one line with which the command refuses."""
    done = command(*words, cwd=cwd)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("partnerface run: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["none.mp4"], ("no file none.mp4",)),
        (["none"], ("is a folder without",)),
        (["empty.mp4"], ("0 bytes",)),
        (["--import", "nowhere"], ("no folder nowhere",)),
        (["--set", "train.stepps=3"], ("train.stepps", "did you mean steps?")),
        (["--set", "train.steps=0"], ("train.steps is 0", "allowed")),
        (["--set", "trian.steps=3"], ("trian is not a key", "did you mean train?")),
        (["--set", "methods=nerf"], ("'nerf'", "partnerface")),
        (["--cores", "0"], ("--cores is 0",)),
        (["--subject", "a b", "video.mp4"], ("'a b'", "letters")),
        (["--config", "none.yaml"], ("none.yaml", "No such file")),
        (["--results", "video.mp4/results"], ("results folder", "Not a directory")),
        (["--results", "/proc/results"], ("results folder /proc/results",)),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder, words, parts):
    (folder / "empty.mp4").touch()
    (folder / "video.mp4").write_text("x")
    (folder / "none").mkdir()
    before = sorted(folder.rglob("*"))
    line = refused(*words, cwd=folder)
    for part in parts:
        assert part in line
    assert sorted(folder.rglob("*")) == before


def test_unknown_key_and_impossible_value_in_the_file(folder):
    (folder / "config.yaml").write_text("subjects: {demo: demo}\ntrain:\n  stepps: 3\n")
    assert "train.stepps is not a setting; did you mean steps?" in refused(cwd=folder)
    (folder / "config.yaml").write_text("subjects: {demo: demo}\ntrain:\n  rate_grid: 1e-3\n")
    assert "train.rate_grid is '1e-3'" in refused(cwd=folder)


def test_an_unwritable_results_folder(folder):
    locked = folder / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write anywhere")
    assert "no permission" in refused("--results", str(locked / "results"), cwd=folder)


def test_a_dry_run_from_anywhere(folder):
    done = command("--dry-run", "--cores", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "report" in done.stderr


def test_a_second_launcher_is_told_so(folder):
    """Snakemake's lock of a run that is alive (here: a process that holds the guard) stands."""
    code = (
        "import time; from partnerface.launch import guard; guard.hold('.'); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        lock = folder / ".snakemake" / "locks" / "0.output.lock"
        lock.parent.mkdir(parents=True)
        lock.write_text("results/demo/clip.mp4\n")
        done = command("--cores", "1", "--until", "demo", cwd=folder)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("partnerface run: another run is at work")
        assert lock.exists()
    finally:
        child.kill()
        child.wait()
