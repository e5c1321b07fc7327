"""What can go wrong around the DAG, through the real command: one line, a status, nothing half-written."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.workflow.conftest import tiny_road

pytestmark = pytest.mark.workflow


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def temporary_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.is_file()]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_path_with_everything_in_it(copy):
    """Spaces, quotes, a dollar sign and a command: all are letters of a file's name."""
    name = 'it\'s "me" $(touch pwned) `touch pwned`; & é.mp4'
    shutil.copy2(copy.folder / "clip.mp4", copy.folder / name)
    words = [name if word == "clip.mp4" else word for word in tiny_road("--until", "frames", "--results", "my results")]
    done = copy.run(*words)
    assert done.returncode == 0, done.stderr
    assert (copy.folder / "my results" / "tiny" / "frames.npy").is_file()
    assert not (copy.folder / "pwned").exists()


def test_text_that_is_called_mp4(copy):
    (copy.folder / "text.mp4").write_text("not a video\n")
    done = copy.run("run", "text.mp4", "--cores", "1", "--until", "frames")
    assert done.returncode == 2
    assert last_line(done).startswith("partnerface frames: ")
    assert not list((copy.folder / "results" / "text").glob("*"))


def test_a_full_disk_that_is_full_at_once(copy, small_disk):
    (small_disk / "filling").write_bytes(bytes(4 * 2**20 - 8192))
    done = copy.road("--results", str(small_disk / "results"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the disk is full" in done.stderr


def test_a_disk_that_fills_up(copy, small_disk):
    done = copy.road("--results", str(small_disk / "results"), "--until", "frames")
    assert done.returncode == 2, done.stderr
    assert "full" in last_line(done)
    assert not temporary_files(small_disk)
    assert not (small_disk / "results" / "tiny" / "frames.npy").exists()


def test_a_limit_on_the_size_of_files(copy):
    """The same without the right to mount: the stage alone, allowed files of 1 MB."""
    command = copy.command("frames", "clip.mp4", "limited", "--size", "192", module="partnerface")
    done = subprocess.run(
        command,
        cwd=copy.folder,
        env=copy.environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
    )
    assert done.returncode == 2, done.stderr
    assert last_line(done).startswith("partnerface frames: ")
    assert not temporary_files(copy.folder / "limited")
    assert not (copy.folder / "limited" / "frames.npy").exists()


def test_a_read_only_results_folder(copy, tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], capture_output=True).returncode:
        folder.chmod(0o500)
        if os.access(folder, os.W_OK):
            pytest.skip("this user may neither mount nor be kept from writing")
        mounted = False
    else:
        mounted = True
    try:
        done = copy.road("--results", str(folder / "results"))
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(folder) in done.stderr


def test_bare_snakemake_names_the_key_too(copy):
    done = copy.run("--cores", "1", "-n", "--config", "train={stepps: 3}", module="snakemake")
    assert done.returncode != 0
    assert "train.stepps is not a setting; did you mean steps?" in done.stdout + done.stderr


def test_bare_snakemake_takes_a_video_from_its_command_line(copy):
    done = copy.run(
        "--cores", "2", "-n", "--config", "subjects={me: clip.mp4}", "train={steps: 50}", module="snakemake"
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "results/me/frames.npy" in said
    assert "demo" not in said.split("Job stats")[1]


def test_a_head_that_is_not_there(copy):
    done = copy.road("--dry-run", "--set", "tracking.head=none.pkl")
    assert done.returncode == 2
    assert done.stderr.startswith("partnerface run: the head model none.pkl is no file")
    assert done.stderr.count("\n") == 1
    done = copy.run(
        "--cores", "1", "-n", "--config", "subjects={me: clip.mp4}", "tracking={head: none.pkl}", module="snakemake"
    )
    assert done.returncode != 0
    assert last_line(done).startswith("snakemake: the head model none.pkl is no file")
