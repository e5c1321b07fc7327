"""A cluster, copies of the repository that send their jobs to it, and the tables that a quiet run makes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT, TINY, Copy, copy_repository
from tests.workflow.slurm.cluster import Cluster, Job
from tests.workflow.slurm.packages import install

#: Snakemake with its Slurm plugin, in an environment without the stages' packages.
LAUNCHER = ROOT / ".launcher" / "bin" / "python"
IMPATIENT = Path(__file__).with_name("impatient.py")
#: More than there are: a job of this size waits for the disk and for imports more than it computes.
CORES = "4"
#: One person, for what kills again and again, and two, of whom the second differs in a setting.
ONE = {"subjects": {"one": "clip.mp4"}}
PEOPLE = "subject,video,frames.max_frames\none,clip.mp4,\ntwo,clip.mp4,40\n"
#: A training that is long enough to be hit in the middle, and a tracking that doesn't take most of the time.
SETTINGS = {
    **TINY,
    "subjects": "people.csv",
    "methods": ["partnerface", "retrieval"],
    "train.steps": 60,
    "train.save_every": 1,
    "tracking.keyframes": 16,
    "tracking.refine": False,
    "tracking.torso": False,
    "tracking.outline": False,
}


@dataclass(frozen=True)
class Project(Copy):
    """A copy whose config.yaml has tiny settings; its launcher sends jobs to the cluster."""

    cluster: Cluster
    launchers: list[subprocess.Popen[str]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        mine = {"PARTNERFACE_PYTHON": sys.executable, "PATH": f"{self.cluster.bin}{os.pathsep}{os.environ['PATH']}"}
        return super().environment() | mine

    def launch(self, *words: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start the launcher as a site would, but that it looks after its jobs sooner; its words go to launcher.log."""
        with (self.folder / "launcher.log").open("a") as log:
            child = subprocess.Popen(
                [
                    *before, str(LAUNCHER), str(IMPATIENT), "--workflow-profile", "workflow/profiles/slurm",
                    "--latency-wait", "20", "--retries", "5", *words,
                ],
                cwd=self.folder, env=self.environment(), stdout=log, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        self.launchers.append(child)
        return child

    def jobs(self) -> list[Job]:
        """All that were sent from here, from the accounting records."""
        return [job for job in self.cluster.jobs() if job.folder == str(self.folder)]

    def end(self) -> None:
        """Let nothing of a test that failed run on beside the next one."""
        for child in self.launchers:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for line in self.cluster.run("squeue", "--noheader", "--format=%i %Z").splitlines():
            job, _, folder = line.partition(" ")
            if folder == str(self.folder):
                self.cluster.run("scancel", job)

    def told(self) -> str:
        """The end of what the launchers said."""
        return (self.folder / "launcher.log").read_text()[-6000:]


def configure(copy: Copy, changes: Mapping[str, object]) -> None:
    """Write people.csv and config.yaml: the settings, `section.key` or `key`, and over them the changes."""
    values: dict[str, object] = {}
    sections: dict[str, dict[str, object]] = {}
    for key, value in {**SETTINGS, **changes}.items():
        section, _, name = key.rpartition(".")
        (sections.setdefault(section, {}) if section else values)[name] = value
    (copy.folder / "people.csv").write_text(PEOPLE)
    (copy.folder / "config.yaml").write_text(yaml.safe_dump(values | sections))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Four nodes, two of them with a feigned GPU."""
    install()
    if not LAUNCHER.is_file():
        pytest.fail(f"there is no {LAUNCHER}; `make test-slurm` makes it")
    # Jobs are other processes: what they read has to lie where all can, and the sockets' names have to be short.
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    try:
        with Cluster(folder) as running:
            yield running
        assert running.left() == [], "processes of the cluster outlive it"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def make_project(tmp_path_factory, clip, cluster) -> Callable[[Mapping[str, object]], Project]:
    """Makes copies; what it is given is written over the settings."""

    def make(changes: Mapping[str, object]) -> Project:
        made = Project(tmp_path_factory.mktemp("project"), cluster)
        copy_repository(made.folder)
        shutil.copy2(clip, made.folder / "clip.mp4")
        configure(made, changes)
        return made

    return make


@pytest.fixture
def project(make_project, request) -> Iterator[Project]:
    """A copy for one test; what it is parametrized with is written over the settings."""
    made = make_project(getattr(request, "param", {}))
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def quiet(tmp_path_factory, clip) -> Copy:
    """The same settings on this machine, undisturbed."""
    copy = copy_repository(tmp_path_factory.mktemp("quiet"))
    shutil.copy2(clip, copy.folder / "clip.mp4")
    configure(copy, {})
    return finished(copy)


@pytest.fixture(scope="session")
def quiet_one(tmp_path_factory, quiet) -> Copy:
    """The first person of them alone."""
    return changed(quiet, tmp_path_factory.mktemp("quiet") / "one", ONE, "two")


def changed(quiet: Copy, folder: Path, changes: Mapping[str, object], *without: str) -> Copy:
    """A quiet run with other settings, for which only what they change is made anew, without the folders of a name."""
    copy = Copy(folder)
    shutil.copytree(quiet.folder, folder, ignore=shutil.ignore_patterns(*without))
    configure(copy, changes)
    return finished(copy)


def finished(copy: Copy) -> Copy:
    done = copy.run("--cores", CORES, module="snakemake")
    assert done.returncode == 0, done.stderr
    return copy


def table(copy: Copy) -> bytes:
    """What everything leads to."""
    return (copy.folder / "results" / "tables" / "metrics.csv").read_bytes()
