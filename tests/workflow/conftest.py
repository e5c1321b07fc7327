"""A copy of the repository to run the real DAG in, and a clip to run it on."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "envs", "partnerface")
#: Small enough for two cores and a minute, and still every stage on real frames.
TINY = {
    "frames.size": 192,
    "dataset.size": 64,
    "train.steps": 8,
    "train.rays": 64,
    "train.frames": 4,
    "train.step_mm": 20,
    "train.save_every": 0.1,
    "render.step_mm": 20,
    "render.heldout_every": 4,
    "render.train_frames": 2,
}


@dataclass(frozen=True)
class Copy:
    """A copy of the repository; commands run in it use its code."""

    folder: Path

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SNAKEMAKE", "PARTNERFACE"))}
        return {**kept, "PYTHONPATH": str(self.folder)}

    def run(self, *words: str, module: str = "partnerface") -> subprocess.CompletedProcess[str]:
        """Run `python -m module words`."""
        return subprocess.run(
            self.command(*words, module=module),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
        )

    def start(self, *words: str, module: str = "partnerface") -> subprocess.Popen[str]:
        """Start it as the leader of a process group of its own."""
        return subprocess.Popen(
            self.command(*words, module=module),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def command(*words: str, module: str) -> list[str]:
        return [sys.executable, "-m", module, *words]

    def road(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`partnerface run` of the clip with tiny settings."""
        return self.run(*tiny_road(*words))

    def planned(self, *words: str) -> set[str]:
        """The rules that `partnerface run` would run, as `rule` or `rule run`."""
        done = self.road("--dry-run", *words)
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("job ")]
        if not starts:
            return set()
        rows = [line.split() for line in lines[starts[-1] + 2 :]]
        jobs = {row[0] for row in rows[: next((n for n, row in enumerate(rows) if not row), len(rows))]}
        return jobs - {"all", "total"}


def tiny_road(*words: str) -> list[str]:
    """The command line of `partnerface run` with tiny settings; later words win.

    One core: two threads that wait for each other on a busy machine are slower than one.
    """
    changes = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    return ["run", "clip.mp4", "--subject", "tiny", "--cores", "1", *changes, *words]


def copy_repository(folder: Path) -> Copy:
    """The parts of the repository that a run needs."""
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return Copy(folder)


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """The demo clip."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    subprocess.run([sys.executable, "-m", "partnerface", "demo", str(folder), "--frames", "60"], check=True, cwd=ROOT)
    return folder / "clip.mp4"


@pytest.fixture(scope="module")
def copy(tmp_path_factory, clip) -> Copy:
    """A copy of the repository with the clip in it, one for each file of tests."""
    made = copy_repository(tmp_path_factory.mktemp("copy"))
    shutil.copy2(clip, made.folder / "clip.mp4")
    return made
