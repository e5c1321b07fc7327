"""kill -9 of the whole process group, then the same command."""

import contextlib
import json
import os
import shutil
import signal
import time

import pytest

from tests.workflow.conftest import tiny_road

pytestmark = pytest.mark.workflow
PATIENCE_S = 240
LONG = ("--set", "train.steps=40", "--set", "methods=partnerface")


def kill_when(copy, words, ready):
    """Start the road, wait until `ready()`, kill the whole group."""
    child = copy.start(*words)
    try:
        for _ in range(PATIENCE_S * 20):
            if ready():
                break
            assert child.poll() is None, child.stdout.read()
            time.sleep(0.05)
        else:
            pytest.fail("the moment to kill did not come")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def test_in_the_first_stage(copy):
    """Snakemake holds its lock, and nothing is there yet."""
    kill_when(copy, tiny_road("--until", "frames"), (copy.folder / "results" / "logs" / "tiny" / "frames.log").exists)
    assert list((copy.folder / ".snakemake" / "locks").iterdir()), "the lock of the dead run is there"
    done = copy.road("--until", "dataset")
    assert done.returncode == 0, done.stderr
    assert (copy.folder / "results" / "tiny" / "dataset" / "dataset.npz").is_file()


def test_in_mid_training(copy):
    """Training goes on from its state; what stood before it is left alone."""
    dataset = copy.folder / "results" / "tiny" / "dataset" / "rgb.npy"
    before = dataset.stat().st_mtime_ns
    state = copy.folder / "results" / "tiny" / "partnerface" / "state" / "state.pt"
    kill_when(copy, tiny_road(*LONG), state.exists)
    assert not (copy.folder / "results" / "tiny" / "partnerface" / "avatar.safetensors").exists()
    done = copy.road(*LONG)
    assert done.returncode == 0, done.stderr
    assert dataset.stat().st_mtime_ns == before
    log = (copy.folder / "results" / "logs" / "tiny" / "train.partnerface.log").read_text()
    assert "resum" in log or "goes on" in log, log
    steps = [
        json.loads(line)["step"]
        for line in (dataset.parents[1] / "partnerface" / "train.jsonl").read_text().splitlines()
    ]
    assert steps == sorted(set(steps))
    assert steps[-1] == 40


def test_with_half_of_a_stage_written(copy):
    """One output of several is in place: bare Snakemake would ask for --rerun-incomplete."""
    results = copy.folder / "results" / "tiny"
    for folder in (results / "partnerface", results / "dataset", results.parent / "tables"):
        shutil.rmtree(folder)
    for file in (results / "masks.jpg", results / "alpha.npy", results / "classes.npy", results.parent / "report.html"):
        file.unlink()
    kill_when(copy, tiny_road(*LONG), (results / "alpha.npy").exists)
    done = copy.run("--cores", "2", "--configfile", "results/logs/run.yaml", "--until", "dataset", module="snakemake")
    assert done.returncode == 0, done.stderr
    assert (results / "masks.jpg").is_file()
    assert not list(results.glob(".*")), "nothing temporary is left"
