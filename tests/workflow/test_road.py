"""The real DAG on a tiny clip, from the video to the table; the tests stand in order and share one copy."""

import csv
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY

pytestmark = pytest.mark.workflow
AFTER_DATASET = {"train", "render", "evaluate", "tables", "report"}


def contents(folder: Path) -> dict[str, int]:
    """Every result with the time of its last change."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.yaml"]
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


def test_the_whole_road(copy):
    done = copy.road("--cores", "2")
    assert done.returncode == 0, done.stderr
    results = copy.folder / "results"
    with open(results / "tables" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["subject", "method", "split", "region", "metric", "value", "n_frames"]
    found = {(row["method"], row["split"], row["region"], row["metric"]) for row in rows if row["value"]}
    for method in ("partnerface", "retrieval"):
        for metric in ("psnr", "ssim", "l1"):
            assert (method, "tail", "full", metric) in found
    assert (results / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["report", "results/report.html"]
    for name in ("avatar.safetensors", "heldout.mp4"):
        assert any(f"results/tiny/partnerface/{name}" in line for line in lines)
    assert "psnr" in done.stdout
    assert any(line.split()[:3] == ["tiny", "tail", "retrieval"] for line in lines)


def test_logs_and_benchmarks(copy):
    results = copy.folder / "results"
    for name in (
        "frames",
        "landmarks",
        "tracking",
        "parsing",
        "capture",
        "dataset",
        "train.partnerface",
        "render.retrieval",
    ):
        assert (results / "logs" / "tiny" / f"{name}.log").is_file()
        header, values = (results / "benchmarks" / "tiny" / f"{name}.tsv").read_text().splitlines()[:2]
        assert float(dict(zip(header.split("\t"), values.split("\t"), strict=True))["s"]) > 0


def test_a_second_run_does_nothing(copy):
    before = contents(copy.folder / "results")
    done = copy.road()
    assert done.returncode == 0, done.stderr
    assert contents(copy.folder / "results") == before
    assert "results/report.html" in done.stdout


def test_bare_snakemake_finds_all_done(copy):
    before = contents(copy.folder / "results")
    done = copy.run("--cores", "2", "--configfile", "results/logs/run.yaml", module="snakemake")
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stderr
    assert contents(copy.folder / "results") == before


def test_a_raw_video_drives_the_avatar(copy):
    """From the file in one command; the second command does not track it again."""
    words = ("drive", "results/tiny/partnerface", "clip.mp4", "-o", "driven/out.mp4", "--side-by-side", "--step-mm=20",
             "--set", "frames.size=192", "--set", "tracking.refine=false", "--set", "tracking.torso=false")  # fmt: skip
    done = copy.run(*words)
    assert done.returncode == 0, done.stderr
    assert "driven/out.mp4: 60 frames" in done.stdout
    before = contents(copy.folder / "driven" / "drivers")
    assert "clip/tracking.npz" in before
    again = copy.run(*words, "--pose", "fixed")
    assert again.returncode == 0, again.stderr
    assert "landmarks" not in again.stderr
    assert contents(copy.folder / "driven" / "drivers") == before


def test_the_tables_are_a_target(copy):
    words = ("--cores", "2", "--configfile", "results/logs/run.yaml", "-n")
    done = copy.run(*words, "tables", module="snakemake")
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr
    done = copy.run(*words, "--forcerun", "tables", "evaluate", "--", "tables", module="snakemake")
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"^(?:local)?rule (\w+):", done.stdout + done.stderr, re.MULTILINE)) == {"evaluate", "tables"}
    for name in ("intervals.csv", "differences.csv", "metrics.md", "metrics.tex", "protocols.json"):
        assert (copy.folder / "results" / "tables" / name).is_file()


def test_a_failing_subject_costs_the_others_nothing(copy):
    """The tables and the report are made of what is there, and the report says what is not, and why."""
    (copy.folder / "bad.mp4").write_text("no video\n")
    (copy.folder / "two.csv").write_text("subject,video\nbad,bad.mp4\ntiny,clip.mp4\n")
    tables = copy.folder / "results" / "tables" / "metrics.csv"
    before = tables.read_bytes()
    changes = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    done = copy.run("run", "--cores", "1", *changes, "--set", "subjects=two.csv")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert tables.read_bytes() == before
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("failed: ")]
    assert line.startswith("failed: bad, frames: bad.mp4")
    page = (copy.folder / "results" / "report.html").read_text()
    assert "What failed" in page
    assert "logs/bad/frames.log" in page
    shutil.rmtree(copy.folder / "results" / "logs" / "bad")
    assert copy.road("--set", "report.max_size=26").returncode == 0
    assert "What failed" not in (copy.folder / "results" / "report.html").read_text()


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ("train.steps=10", AFTER_DATASET),
        ("render.train_frames=5", AFTER_DATASET - {"train"}),
        ("report.max_size=24", {"report"}),
        ("methods=partnerface", {"tables", "report"}),
    ],
)
def test_a_changed_setting_redoes_its_stage_and_what_follows(copy, change, redone):
    assert copy.planned("--set", change) == redone


def test_a_changed_training_setting_leaves_what_stands_before_it(copy):
    before = contents(copy.folder / "results" / "tiny")
    done = copy.road("--set", "train.steps=9")
    assert done.returncode == 0, done.stderr
    after = contents(copy.folder / "results" / "tiny")
    runs = ("partnerface/", "retrieval/")
    changed = {name for name in before if after.get(name) != before[name]}
    assert changed
    assert all(name.startswith(runs) for name in changed)
    assert {name for name in before if not name.startswith(runs)} <= set(after)
    assert copy.planned("--set", "train.steps=9") == set()


@pytest.mark.parametrize(
    ("file", "redone"),
    [
        ("stages/evaluate.py", {"evaluate", "tables", "report"}),
        ("avatar/model.py", AFTER_DATASET),
        ("stages/report.py", {"report"}),
        ("capture/rules.py", {"capture", "report"}),
        ("stages/landmarks.py", {"landmarks", "tracking", "parsing", "capture", "dataset"} | AFTER_DATASET),
    ],
)
def test_an_edit_redoes_the_stages_that_use_the_file(copy, file, redone):
    path = copy.folder / "partnerface" / file
    text = path.read_text()
    os.utime(path)
    assert copy.planned("--set", "train.steps=9") == set(), "a touch alone redoes nothing"
    path.write_text(text + "\n# An edit.\n")
    assert copy.planned("--set", "train.steps=9") == redone
    path.write_text(text)
    assert copy.planned("--set", "train.steps=9") == set(), "and taking it back redoes nothing"
