"""What the rules are told."""

import os
import shlex
from pathlib import Path

import pytest

from partnerface.errors import ConfigError, InputError
from partnerface.launch.rules import Road, canonical, prepare_environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def road(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.yaml"

    def make(text="subjects: {demo: demo, me: clips/me.mp4}\n", overrides=None):
        file.write_text(text)
        return Road(ROOT, [file], overrides or {})

    return make


def test_videos(road):
    made = road()
    assert made.videos("demo") == ["results/demo/clip.mp4"]
    assert made.videos("me") == ["clips/me.mp4"]


def test_one_spelling_for_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert canonical("./a/../b.mp4") == "b.mp4"
    assert canonical(str(tmp_path / "b.mp4")) == "b.mp4"
    assert canonical("./-b.mp4") == str(tmp_path / "-b.mp4")
    assert canonical("../b.mp4") == str(tmp_path.parent / "b.mp4")


def test_results_elsewhere(road, tmp_path):
    made = road(overrides={"results": "/data/out/"})
    assert made.results == "/data/out"
    assert made.videos("demo") == ["/data/out/demo/clip.mp4"]
    assert made.each("report.html") == ["/data/out/report.html"]


def test_each_subject_and_run(road):
    made = road("subjects: {a: a.mp4, b: b.mp4}\nmethods: [global, retrieval]\nseeds: [0, 1]\n")
    assert made.each("{subject}/{run}/metrics.csv") == [
        f"results/{subject}/{run}/metrics.csv" for subject in "ab" for run in ("global", "retrieval", "global/seed1")
    ]
    assert made.each("{subject}/frames.jpg") == ["results/a/frames.jpg", "results/b/frames.jpg"]


def test_the_files_of_a_head_are_inputs(road, tmp_path):
    folder = tmp_path / "weights" / "flame"
    folder.mkdir(parents=True)
    for name in ("flame2023.pkl", "l_eyelid.npy", "r_eyelid.npy", "notes.txt"):
        (folder / name).touch()
    made = road("subjects: {a: a.mp4, b: {video: b.mp4, tracking: {head: weights/flame}}}\n")
    assert made.heads == {
        "a": [],
        "b": [f"weights/flame/{name}" for name in ("flame2023.pkl", "l_eyelid.npy", "r_eyelid.npy")],
    }
    with pytest.raises(InputError, match=r"none\.pkl is no file"):
        road("subjects: {a: a.mp4}\ntracking: {head: none.pkl}\n")


def test_a_head_that_a_rule_makes_need_not_be_there_yet(road):
    made = road("subjects: {a: a.mp4, b: {video: b.mp4, tracking: {head: ./results/a/head.npz}}}\n")
    assert made.heads["b"] == ["results/a/head.npz"]
    with pytest.raises(InputError, match=r"elsewhere\.npz is no file"):
        road("subjects: {a: a.mp4}\ntracking: {head: elsewhere.npz}\n")


def test_who_is_filmed_and_who_is_imported(road, tmp_path):
    made = road(
        "subjects:\n  a: a.mp4\n  b: {import: insta/b}\n  c: {import: {folder: insta/c, tracking: own}}\n  d: demo\n"
    )
    assert made.who(imported=False) == "a|d"
    assert made.who(imported=True, tracked=True) == "b"
    assert made.who(imported=True, tracked=False) == "c"
    assert made.who(tracked=False) == "a|c|d"
    assert made.folder("b") == "insta/b"
    assert made.videos("b") == []
    assert road().who(imported=True, tracked=True) == "(?!)"


def test_the_head_of_imported_codes_is_an_input(road, tmp_path):
    """And that of the setting tracking.head is none, unless our own tracker goes on."""
    (tmp_path / "flame.pkl").touch()
    (tmp_path / "h.npz").touch()
    (tmp_path / "l_eyelid.npy").touch()
    made = road(
        "subjects:\n  b: {import: {folder: insta/b, head: flame.pkl}, tracking: {head: none.pkl}}\n"
        "  c: {import: {folder: insta/c, head: none.pkl, tracking: own}, tracking: {head: h.npz}}\n"
    )
    assert made.heads == {"b": ["flame.pkl", "l_eyelid.npy"], "c": ["h.npz"]}


def test_flags_are_quoted(road):
    made = road('subjects: {a: a.mp4}\nevaluate: {lpips_weights: "it\'s $(here)"}\n')
    words = shlex.split(made.flags("evaluate", "a"))
    assert words[words.index("--lpips-weights") + 1] == "it's $(here)"


def test_a_bad_file_is_our_error(road):
    with pytest.raises(ConfigError, match=r"train\.stepps"):
        road("subjects: {a: a.mp4}\ntrain: {stepps: 1}\n")


def test_environment(monkeypatch):
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("PYTHONPATH", "/other")
    prepare_environment("/repo")
    assert os.environ["PATH"].endswith(":/bin")
    assert os.environ["PYTHONPATH"] == "/repo:/other"
