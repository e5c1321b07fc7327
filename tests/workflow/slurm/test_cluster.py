"""The DAG on a real Slurm: where its jobs run, and what it does when the cluster does what clusters do."""

import collections
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow.slurm.cluster import NODES, Cluster, Job
from tests.workflow.slurm.conftest import ONE, Project, changed, table

pytestmark = pytest.mark.slurm
PATIENCE_S = 900
#: One training, which lasts until somebody has seen its state.
LONG = {**ONE, "methods": ["partnerface"], "train.steps": 400}


def until(
    ready: Callable[[], object], what: str, seconds: float = PATIENCE_S, told: Callable[[], str] = lambda: ""
) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"waited for {what} in vain\n{told()}"
        time.sleep(0.1)


def finish(project: Project, child: subprocess.Popen[str]) -> None:
    assert child.wait(PATIENCE_S) == 0, project.told()


def rule_of(job: Job) -> str:
    """`rule_train_wildcards_one_partnerface` → train; of a group its name, which the names of its rules follow."""
    return job.comment.removeprefix("rule_").partition("_")[0]


def test_two_subjects_and_a_second_launcher(project, cluster, quiet):
    """Every heavy job goes through sbatch, once; what needs a GPU gets one, on a node that has one."""
    child = project.launch()
    until(project.jobs, "the first job", 120)
    second = project.run("--cores", "1", module="snakemake")
    assert second.returncode != 0
    assert "cannot be locked" in second.stderr
    assert child.poll() is None, project.told()
    finish(project, child)
    assert table(project) == table(quiet)

    jobs = project.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    # Of each subject one job up to the dataset; of each run its training, and its rendering with its measuring.
    assert collections.Counter(map(rule_of, jobs)) == {"front": 2, "train": 4, "judge": 4, "report": 1}
    gpus = {job.id: int(job.tres.get("gres/gpu", 0)) for job in jobs}
    for rule in ("train", "judge"):
        assert sorted(gpus[job.id] for job in jobs if rule_of(job) == rule) == [0, 0, 1, 1], "the baseline needs none"
    for job in jobs:
        assert not gpus[job.id] or rule_of(job) in ("train", "judge"), job
        assert not gpus[job.id] or NODES[job.node], job
        assert job.node in NODES
        assert "mem" in job.tres, job
        assert int(job.tres["cpu"]) >= 1, job
    again = project.launch("--dry-run")
    finish(project, again)
    assert "Nothing to be done" in project.told()


def send(project: Project, script: str, *flags: str) -> str:
    """A job that Slurm may start again, as a person sends it."""
    asked = ["--parsable", "--requeue", "--open-mode=append", "--gpus=1", "--mem=4000"]
    words = ["sbatch", *asked, *flags, "--wrap", script]
    environment = {**project.environment(), **project.cluster.environment, "PATH": project.environment()["PATH"]}
    done = subprocess.run(words, cwd=project.folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def standstill(make_project, cluster) -> Iterator[tuple[Project, subprocess.Popen[str]]]:
    """A run on a slow disk whose training has just been brought to a standstill, and may take a minute at first."""
    project = make_project(LONG)
    child = project.launch("--set-resources", "train:runtime=attempt", before=slow_disk(project.folder))
    state = project.folder / "results" / "one" / "partnerface" / "state" / "state.pt"
    try:
        until(lambda: state.exists() or child.poll() is not None, "the training's state", 120, project.told)
        assert child.poll() is None, project.told()
        [training] = cluster.run("squeue", "--noheader", "--states=R", "--format=%i").split()
        cluster.run("scancel", "--signal=STOP", training)
        yield project, child
    finally:
        project.end()


def slow_disk(folder: Path) -> tuple[str, ...]:
    """What to start a launcher with, so that it sees the folder as through NFS: new files show ten seconds late."""
    if not os.access("/dev/fuse", os.W_OK) or shutil.which("bindfs") is None:
        print("no FUSE: a slow disk can't be feigned")
        return ()
    late = "-o entry_timeout=10,negative_timeout=10,attr_timeout=10"
    # Both end together; nothing of it is to be left.
    script = f"""
        bindfs -f {late} "$0" "$0" & disk=$!
        until mountpoint -q "$0"; do kill -0 $disk || exit 1; sleep 0.1; done
        cd "$0" && "$@"; status=$?
        cd / && umount --lazy "$0"; wait $disk; exit $status"""
    return ("unshare", "--mount", "sh", "-c", script, str(folder))


@pytest.mark.usefixtures("standstill")  # That one waits for its limit meanwhile.
def test_training_that_is_told_to_stop_writes_its_state_and_goes_on(project, cluster, quiet):
    """By SIGTERM, whose exit status has Slurm start the job again; then by an urgent job that wants its GPU."""
    one = project.folder / "results" / "one"
    shutil.copytree(quiet.folder / "results" / "one" / "dataset", one / "dataset")
    flags = "--steps 1600 --rays 64 --frames 4 --step-mm 20 --save-every 60"
    job = send(project, f"exec {sys.executable} -m partnerface train results/one {flags}", "--partition=main")
    state, out = one / "partnerface" / "state" / "state.pt", project.folder / f"slurm-{job}.out"

    def told() -> str:
        return cluster.run("scontrol", "show", "job", job) + (out.read_text() if out.exists() else "")

    def starts_again(count: int) -> None:
        until(lambda: f" Restarts={count} " in told(), f"requeueing number {count}", 60, told)
        # Slurm holds for two minutes what it has requeued, since the node has to clean up. Seconds do.
        time.sleep(3)
        with contextlib.suppress(subprocess.CalledProcessError):
            cluster.run("scontrol", "update", f"jobid={job}", "StartTime=now")
        until(lambda: is_at_work("goes on at step", count), f"start number {count + 1}", 120, told)

    def is_at_work(since: str, count: int = 1) -> bool:
        parts = told().split(since)
        return len(parts) == count + 1 and " steps (" in parts[-1]

    until(lambda: is_at_work("parameters:"), "the training", 120, told)
    assert not state.exists()
    cluster.run("scancel", "--full", "--signal=TERM", job)
    until(state.exists, "the state", 10, told)
    starts_again(1)
    written = state.stat().st_mtime_ns
    node = cluster.run("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
    urgent = send(project, "sleep 5", "--partition=urgent", f"--nodelist={node}")
    until(lambda: state.stat().st_mtime_ns > written, "the state", 60, told)
    starts_again(2)
    until((one / "partnerface" / "avatar.safetensors").exists, "the avatar", 300, told)
    said = out.read_text()
    assert said.count("told to stop at step") == said.count("goes on at step") == 2, said
    assert json.loads((one / "partnerface" / "train.jsonl").read_text().splitlines()[-1])["step"] == 1600
    until(lambda: find(cluster, urgent).state == "COMPLETED", "the urgent job", 60)


def find(cluster: Cluster, number: str) -> Job:
    return next(job for job in cluster.jobs() if job.id == number)


def test_neither_a_time_limit_nor_a_slow_shared_disk_is_an_end(standstill, quiet, tmp_path):
    """The training that stands still is told to stop at its limit of a minute; the next attempt goes on."""
    project, child = standstill
    undisturbed = changed(quiet, tmp_path / "quiet", LONG, "two", "retrieval")
    finish(project, child)
    jobs = project.jobs()
    assert [job.state for job in jobs if rule_of(job) == "train"] == ["TIMEOUT", "COMPLETED"]
    others = collections.Counter(rule_of(job) for job in jobs if rule_of(job) != "train")
    assert others == {"front": 1, "judge": 1, "report": 1}, "none is done twice because its files showed late"
    log = (project.folder / "results" / "logs" / "one" / "train.partnerface.log").read_text()
    assert "goes on at step" in log
    assert table(project) == table(undisturbed)
