"""The guard: shared while somebody lives, free when he is dead."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from partnerface.launch import guard

HOLD = (
    "import sys, time; from partnerface.launch import guard; print(guard.hold(sys.argv[1]), flush=True); time.sleep(60)"
)
JOIN = "import time; from partnerface.launch import guard; guard.join(); print('joined', flush=True); time.sleep(60)"


@pytest.fixture
def start():
    """Start a child that prints one line and sleeps; ends them all at the end."""
    children = []

    def begin(code: str, *arguments: object, **environment: str):
        child = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        children.append(child)
        assert child.stdout is not None
        return child, child.stdout.readline().strip()

    yield begin
    for child in children:
        child.kill()
        child.wait()


def alone(folder: Path) -> bool:
    """What a new launcher finds; it ends at once."""
    code = HOLD.replace("time.sleep(60)", "0")
    return subprocess.check_output([sys.executable, "-c", code, str(folder)], text=True).strip() == "True"


def lock(folder: Path) -> Path:
    """Leave a lock as Snakemake does."""
    file = folder / ".snakemake" / "locks" / "0.output.lock"
    file.parent.mkdir(parents=True)
    file.write_text("results/a\n")
    return file


def test_a_dead_runs_lock_is_cleared(tmp_path, start):
    child, said = start(HOLD, tmp_path)
    assert said == "True"
    file = lock(tmp_path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert alone(tmp_path)
    assert not file.exists()


def test_a_living_runs_lock_is_left_alone(tmp_path, start):
    start(HOLD, tmp_path)
    file = lock(tmp_path)
    assert not alone(tmp_path)
    assert file.exists()


def test_a_stage_that_outlives_its_launcher_keeps_the_folder_busy(tmp_path, start):
    launcher, _ = start(HOLD, tmp_path)
    stage, said = start(JOIN, **{guard.VARIABLE: str(tmp_path / ".snakemake" / guard.STAGES)})
    assert said == "joined"
    file = lock(tmp_path)
    launcher.kill()
    launcher.wait()
    assert not alone(tmp_path)
    assert file.exists()
    stage.kill()
    stage.wait()
    assert alone(tmp_path)


def test_without_a_launcher_there_is_nothing_to_join(monkeypatch, tmp_path):
    monkeypatch.delenv(guard.VARIABLE, raising=False)
    guard.join()
    monkeypatch.setenv(guard.VARIABLE, str(tmp_path / "gone" / "guard"))
    guard.join()
