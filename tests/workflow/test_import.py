"""Which rules make the frames and the tracking of a subject that is filmed, imported, or imported without tracking."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).resolve().parents[2]


def planned(folder: Path, *words: str) -> set[str]:
    """The rules that `partnerface run` would run in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "partnerface", "run", "--dry-run", "--cores", "1", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("job ")) + 2
    rows = [line.split() for line in lines[start:]]
    return {row[0] for row in rows[: next(n for n, row in enumerate(rows) if not row)]} - {"all", "total"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "insta").mkdir()
    return tmp_path


AFTER = {"landmarks", "parsing", "capture", "dataset", "train", "render", "evaluate", "tables", "report"}


def test_the_tracking_is_not_made_anew(folder):
    assert planned(folder, "--import", "insta") == {"import"} | AFTER
    assert planned(folder, "--import", "insta", "--until", "tracking") == {"import"}


def test_pictures_alone_are_tracked(folder):
    words = ("--import", "insta", "--set", "import.tracking=own")
    assert planned(folder, *words) == {"import_pictures", "tracking"} | AFTER
    assert planned(folder, *words, "--until", "import") == {"import_pictures"}


def test_filmed_and_imported_side_by_side(folder):
    (folder / "config.yaml").write_text("subjects: {a: demo, b: {import: insta}}\n")
    assert planned(folder) == {"demo", "frames", "tracking", "import"} | AFTER
