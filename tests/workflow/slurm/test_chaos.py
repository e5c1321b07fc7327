"""Kills at random moments, and the same tables in the end: on this machine, and on a cluster.

The seed is printed; CHAOS_SEED repeats a failure.
"""

import contextlib
import csv
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from partnerface.conventions import STAGES
from tests.workflow.conftest import Copy, copy_repository
from tests.workflow.slurm.cluster import Cluster
from tests.workflow.slurm.conftest import CORES, ONE, configure, table

pytestmark = pytest.mark.slurm
SEED = int(os.environ.get("CHAOS_SEED", "7"))
KILLS = 10
PATIENCE_S = 300


def jobs_of_a_run(quiet: Copy) -> list[tuple[str, float]]:
    """Names of the jobs' logs below logs/ in the order of the road, and how long each took in a quiet run, s."""
    root = quiet.folder / "results" / "benchmarks"
    stages = list(STAGES)
    found = []
    for path in root.rglob("*.tsv"):
        name = path.relative_to(root).with_suffix(".log")
        with open(path, newline="") as file:
            seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
        stage = next(part for part in name.parts if part.split(".")[0] in stages).split(".")[0]
        found.append((stages.index(stage), name.as_posix(), seconds))
    return [(name, seconds) for _, name, seconds in sorted(found)]


def ended(folder: Path) -> dict[str, int]:
    """When jobs ended, ns, by the names of their logs."""
    root = folder / "results" / "benchmarks"
    found = root.rglob("*.tsv")
    return {path.relative_to(root).with_suffix(".log").as_posix(): path.stat().st_mtime_ns for path in found}


def test_kills_on_one_machine(tmp_path, clip, quiet_one):
    """kill -9 of everything in the middle of ten jobs; what was done stays done."""
    chance = random.Random(SEED)
    copy = copy_repository(tmp_path)
    shutil.copy2(clip, tmp_path / "clip.mp4")
    configure(copy, ONE)
    jobs = jobs_of_a_run(quiet_one)
    killed, done_before = [], {}
    for kill in range(KILLS):
        done = ended(tmp_path)
        # From the first job to the last: each kill has its tenth of the road, or what is left behind it.
        left = [job for job in jobs[len(jobs) * kill // KILLS :] if job[0] not in done]
        name, seconds = chance.choice(left[: -(-len(jobs) // KILLS)])
        begun = time.time()
        child = copy.start("run", "--cores", CORES)
        log = tmp_path / "results" / "logs" / name
        end = time.monotonic() + PATIENCE_S
        while child.poll() is None and time.monotonic() < end:
            if log.exists() and log.stat().st_mtime >= begun:
                time.sleep(chance.random() * seconds)
                break
            time.sleep(0.02)
        at = time.time()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        said = child.communicate()[0]
        assert child.returncode == -signal.SIGKILL, f"seed {SEED}, {killed}, {name}: {said}"
        killed.append(name)
        # What ended a while before the kill was known to have ended.
        done_before |= {job: then for job, then in ended(tmp_path).items() if then < (at - 2) * 1e9}
    last = copy.run("run", "--cores", CORES)
    assert last.returncode == 0, last.stderr
    assert table(copy) == table(quiet_one), f"seed {SEED}: {killed}"
    assert not [path for path in (tmp_path / "results").rglob(".*") if path.is_file()], "something temporary is left"
    now = ended(tmp_path)
    assert {job for job, then in done_before.items() if now[job] != then} == set(), f"twice without need; seed {SEED}"
    print(f"chaos: seed {SEED}, {killed}; {len(done_before)} jobs had ended before a kill")


def cancel(cluster: Cluster, chance: random.Random) -> bool:
    """scancel of a job that runs."""
    running = cluster.run("squeue", "--noheader", "--states=R", "--format=%i").split()
    if running:
        cluster.run("scancel", chance.choice(running))
    return bool(running)


def lose_a_node(cluster: Cluster, chance: random.Random) -> bool:
    """A node that runs a job loses power, and comes back when the controller has given it up, or after a while."""
    busy = cluster.run("squeue", "--noheader", "--states=R", "--format=%N").split()
    if not busy:
        return False
    node = chance.choice(busy)
    cluster.crash(node)
    end = time.monotonic() + 12
    while "down" not in cluster.run("sinfo", "--noheader", f"--nodes={node}", "--format=%t") and time.monotonic() < end:
        time.sleep(0.2)
    cluster.start(node)
    return True


def restart_the_controller(cluster: Cluster, chance: random.Random) -> bool:
    """slurmctld ends, and comes back some seconds later."""
    cluster.restart("slurmctld")
    return True


@pytest.mark.parametrize("project", [ONE], indirect=True, ids=["one"])
def test_kills_on_a_cluster(project, cluster, quiet_one):
    """Jobs, nodes, the controller and the launcher, at random."""
    chance = random.Random(SEED)
    events = [cancel] * 4 + [lose_a_node] * 2 + [restart_the_controller] + [None] * 3
    chance.shuffle(events)
    jobs = len(jobs_of_a_run(quiet_one))
    child = project.launch()
    happened = []
    for number, event in enumerate(events):
        # Each has its tenth of the road, but for the last jobs, which would be over before it comes.
        reached = (jobs - 4) * number // KILLS
        end = time.monotonic() + PATIENCE_S
        while len(ended(project.folder)) < reached and child.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(2 * chance.random())
        while child.poll() is None and time.monotonic() < end:
            if event is None:
                child.kill()
                child.wait()
                child = project.launch()
                happened.append("the launcher")
                break
            if event(cluster, chance):
                happened.append(event.__name__)
                break
            time.sleep(0.2)
    assert len(happened) == KILLS, f"seed {SEED}: {happened}\n{project.told()}"
    assert child.wait(PATIENCE_S) in (0, 1), project.told()
    if child.returncode:
        # A job may have met more kills than it has attempts; who sees that starts the launcher again.
        assert project.launch().wait(PATIENCE_S) == 0, project.told()
    assert table(project) == table(quiet_one), f"seed {SEED}: {happened}"
    states = [job.state for job in project.jobs()]
    print(f"chaos: seed {SEED}, {happened}; {len(states)} jobs, {states.count('COMPLETED')} completed")
