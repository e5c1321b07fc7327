"""Jobs that a dead launcher left, told by a feigned squeue; tests/slurm has a real one."""

import os

import pytest

from partnerface.launch import guard, orphans


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder, and a `squeue` that shows the lines of jobs.txt, which `scancel` empties."""
    folder = tmp_path / "work"
    folder.mkdir()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "squeue").write_text(f"#!/bin/sh\ncat {tmp_path}/jobs.txt\n")
    (programs / "scancel").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/cancelled.txt\n: > {tmp_path}/jobs.txt\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "jobs.txt").write_text("")
    return tmp_path


def sent(cluster, *jobs):
    (cluster / "jobs.txt").write_text("".join("\t".join(map(str, job)) + "\n" for job in jobs))


def test_only_the_jobs_of_this_folder_for_a_rule_are_ended(cluster):
    here = cluster / "work"
    sent(
        cluster,
        (7, here, "rule_train_wildcards_a"),
        (8, cluster / "other", "rule_train_wildcards_a"),
        (9, here, "(null)"),
        (10, here, "rule_tracking"),
    )
    assert orphans.find(here) == ["7", "10"]
    assert orphans.end(here) == 2
    assert (cluster / "cancelled.txt").read_text().split() == ["7", "10"]
    assert orphans.end(here) == 0


def test_without_slurm_there_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert orphans.find(tmp_path) == []


def test_they_are_no_reason_to_wait(cluster, monkeypatch):
    """A stage of the dead launcher's is alive on a node: the folder is busy, unless the stage will be ended."""
    here = cluster / "work"
    monkeypatch.setattr(guard, "_held", [])
    monkeypatch.delenv(guard.VARIABLE, raising=False)
    lock = here / ".snakemake" / "locks" / "0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    monkeypatch.setattr(guard, "stages_are_done", lambda folder: False)
    assert not guard.hold(here)
    assert lock.exists()
    guard._held.clear()
    sent(cluster, (7, here, "rule_train_wildcards_a"))
    assert guard.hold(here)
    assert not lock.exists()
    guard._held.clear()
