"""`partnerface bench`: which rows, which lines, which errors. What the clock says is never asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import partnerface
from partnerface import cli
from partnerface.bench import apart, rows
from partnerface.errors import PartNerFaceError
from partnerface.kernels.backend import used

FIELDS = ["name", "backend", "median_s", "rate", "unit", "ratio_to_reference", "fraction_of_peak"]
#: Names that are fixed from outside.
FIXED = {
    *("frames", "landmarks", "parsing", "tracking", "field_mlp", "part_mixture", "hash_grid"),
    *("train_step", "render_128", "render_512"),
}


def measured(path):
    """The rows of a JSON file by name, each of them sound."""
    found = json.loads(path.read_text())
    for row in found:
        assert list(row) == FIELDS
        assert row["median_s"] > 0
        assert row["rate"] > 0
        assert row["unit"] in ("frames/s", "steps/s", "samples/s", "rays/s")
        assert row["backend"]
        if row["unit"] in ("frames/s", "steps/s"):
            assert row["rate"] == pytest.approx(1 / row["median_s"])
    return {row["name"]: row for row in found}


def test_the_fixed_names_are_rows():
    assert set(rows.ROWS) >= FIXED


def test_rows_bring_along_what_they_lean_on():
    assert rows.chosen([]) == list(rows.ROWS)
    assert rows.chosen(["hash_grid", "field_mlp"]) == ["field_mlp", "hash_grid"]
    assert rows.chosen(["landmarks"]) == ["landmarks", "mediapipe_face_mesh"]
    assert set(rows.chosen(["front"])) == {"front", "frames", "landmarks", "parsing", *rows.MODELS}


@pytest.fixture
def bare_node(tmp_path):
    """The environment of a machine that has none of the stages' packages."""
    absent = tmp_path / "absent"
    absent.mkdir()
    for name in ("cv2", "mediapipe", "scipy", "skimage", "ffmpeg", "imageio_ffmpeg"):
        (absent / f"{name}.py").write_text("raise ImportError('not on this machine')\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(absent), str(Path(partnerface.__file__).parents[1])])}


def test_every_op_and_the_training_without_a_clip_on_a_bare_node(bare_node, tmp_path):
    file = tmp_path / "new" / "bench.json"
    names = [*rows.OPS, *rows.TRAINING]
    command = [sys.executable, "-m", "partnerface", "bench", *names, "--tiny", "--repeats", "1", "--json", str(file)]
    done = subprocess.run(command, env=bare_node, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = measured(file)
    assert list(found) == names
    for name, row in found.items():
        assert row["backend"] == used()
        assert row["ratio_to_reference"] > 0
        assert (row["fraction_of_peak"] is None) == (name not in ("field_mlp", "part_mixture"))
    out = done.stdout
    assert out.startswith("machine ")
    assert "10 frames of a drawn head" in out
    assert "\nclip " not in out
    assert "parameters:" not in out  # the stages' own words are kept out of the table
    assert [line.split()[0] for line in out.split("\n\n")[1].splitlines()] == ["name", *names]


def test_two_rows_are_measured_alone(tmp_path):
    file = tmp_path / "bench.json"
    words = ["bench", "field_mlp", "hash_grid", "--tiny", "--repeats", "2", "--json", str(file)]
    assert cli.main(words) == 0
    assert list(measured(file)) == ["field_mlp", "hash_grid"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["frmaes"], "no row 'frmaes'; choose among frames, landmarks"),
        (["--repeats", "0"], "--repeats is 0; allowed: 1 or more"),
        (["--frames", "3"], "--frames is 3; allowed: 24 or more"),
        (["--json", "{tmp}"], "cannot write --json {tmp}; name a file"),
        (["--json", "{tmp}/file/x.json"], "cannot write --json {tmp}/file/x.json; name a file"),
        (["--video", "{tmp}/none.mp4"], "{tmp}/none.mp4: no such file"),
        (["--video", "{tmp}/file"], "{tmp}/file is not a video"),
        (["hash_grid", "--video", "{tmp}/file"], "--video {tmp}/file is not looked at by hash_grid"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_said_first(words, line, tmp_path, capsys):
    (tmp_path / "file").write_text("no folder, no video")
    before = sorted(tmp_path.iterdir())
    assert cli.main(["bench", *(word.format(tmp=tmp_path) for word in words)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"partnerface bench: {line.format(tmp=tmp_path)}")
    assert said.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_machine_without_the_stages_packages_is_told_what_it_can_measure(monkeypatch, capsys):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mediapipe" else real(name))
    assert cli.main(["bench"]) == 2
    line = capsys.readouterr().err
    assert "rows on a clip need mediapipe" in line
    assert "partnerface bench field_mlp" in line


def test_a_measurement_that_is_ended_from_outside_is_one_line(monkeypatch):
    monkeypatch.setattr(apart, "_measure", os.execv)  # the process becomes another program, which ends at once
    with pytest.raises(PartNerFaceError, match="ended from outside"):
        apart.apart("/bin/false", "false")


def test_help_teaches_at_once(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["bench", "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "partnerface bench field_mlp hash_grid" in out
    for name in rows.ROWS:
        assert f"\n  {name} " in out
    code = "import sys\nfrom partnerface.cli import main\ntry: main(['bench', '--help'])\nexcept SystemExit: pass\n"
    check = "assert not {'torch', 'cv2', 'mediapipe', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code + check], check=True, capture_output=True)
