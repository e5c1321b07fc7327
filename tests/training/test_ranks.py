"""Two processes with gloo train what one does."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from partnerface.artefacts.layout import SubjectFolder
from partnerface.errors import InputError
from partnerface.training.sampler import Batch
from tests.training.toy_dataset import write_toy_subject

ROOT = Path(__file__).resolve().parents[2]
STEPS = 40
FLAGS = ["--steps", str(STEPS), "--rays", "256", "--frames", "8", "--step-mm", "8", "--warm-up", "0.5"]


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> SubjectFolder:
    return write_toy_subject(tmp_path_factory.mktemp("results") / "toy")


def command(subject: SubjectFolder, *words: str) -> list[str]:
    return [sys.executable, "-m", "partnerface", "train", str(subject.root), *FLAGS, *words]


def train(subject: SubjectFolder, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(subject, *words), cwd=ROOT, capture_output=True, text=True)


def log(subject: SubjectFolder, run: str) -> list[dict]:
    return [json.loads(line) for line in subject.run(run).log.read_text().splitlines()]


def kept(subject: SubjectFolder, run: str) -> dict[str, torch.Tensor]:
    return load_file(subject.run(run).avatar)


def batch(frames: int) -> Batch:
    slot = torch.arange(frames).repeat_interleave(3)
    rays = torch.arange(len(slot), dtype=torch.float32)
    return Batch(
        torch.arange(frames) * 10, slot, rays[:, None].repeat(1, 2), rays[:, None].repeat(1, 3), rays, rays, rays,
        torch.arange(frames)[:, None].float(),
    )  # fmt: skip


def test_shares_make_up_the_whole():
    whole = batch(6)
    shares = [whole.share(rank, 2) for rank in range(2)]
    assert torch.cat([share.alpha for share in shares]).sort().values.tolist() == whole.alpha.tolist()
    for share in shares:
        assert torch.equal(share.frames[share.slot], share.noise[share.slot, 0].long() * 10)
        assert torch.equal(share.frames[share.slot] // 10, (share.alpha // 3).long())
    assert whole.share(0, 1) is whole


def test_an_uneven_share_is_an_error_in_one_line():
    with pytest.raises(InputError, match=r"4 processes can't share the 6 frames .* evenly; 1, 2, 3, 6 can"):
        batch(6).share(0, 4)


def gradients(subject: SubjectFolder, out: Path, method: str, step: int, processes: int) -> dict:
    words = ["-m", "tests.training.gradients", str(subject.root), method, str(step), str(out)]
    code = f"from partnerface.training.ranks import start; start({processes}, {words})"
    run = [sys.executable, *words] if processes == 1 else [sys.executable, "-c", code]
    subprocess.run(run, cwd=ROOT, check=True)
    return torch.load(out, weights_only=True)


@pytest.mark.parametrize(("method", "step"), [("partnerface", 0), ("partnerface", 12), ("global", 0)])
def test_two_processes_find_the_gradient_of_one(subject, tmp_path, method, step):
    one, two = (gradients(subject, tmp_path / f"{n}.pt", method, step, n) for n in (1, 2))
    assert two["terms"] == pytest.approx(one["terms"], rel=1e-4)
    assert two["terms"]["samples"] == one["terms"]["samples"] > 0
    assert torch.allclose(two["weight"], one["weight"], rtol=1e-5)
    assert one["gradient"].keys() == two["gradient"].keys()
    for name, value in one["gradient"].items():
        assert float((two["gradient"][name] - value).norm()) <= 1e-4 * float(value.norm()) + 1e-9, name


def test_two_processes_train_what_one_trains(subject):
    """The first step's rounding grows from step to step, so that only what it looks like can be compared."""
    alone = train(subject)
    assert alone.returncode == 0, alone.stderr
    before = log(subject, "partnerface")[-1]
    subject.run("partnerface").avatar.unlink()
    both = train(subject, "--processes", "2")
    assert both.returncode == 0, both.stderr
    assert both.stdout.count("train: partnerface, seed 0") == 1, "one of them talks"
    assert "2 processes" in both.stdout
    after = log(subject, "partnerface")[-1]
    assert after["step"] == before["step"] == STEPS
    assert after["psnr"] == pytest.approx(before["psnr"], abs=0.05)


def test_told_to_stop_both_stop_at_one_step_and_go_on(subject):
    words = ["--run", "skinning", "--processes", "2", "--save-every", "0.1"]
    quiet = train(subject, *words)
    assert quiet.returncode == 0, quiet.stderr
    expected = kept(subject, "skinning")
    shutil.rmtree(subject.run("skinning").avatar.parent)
    child = subprocess.Popen(
        command(subject, *words),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    state = subject.run("skinning").state / "state.pt"
    end = time.monotonic() + 120
    while not state.exists() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM)
    told, _ = child.communicate(timeout=60)
    assert child.returncode == 75, told
    assert told.count("told to stop at step") == 1, told
    assert "Traceback" not in told
    assert not subject.run("skinning").avatar.exists()
    done = train(subject, *words)
    assert "goes on at step" in done.stdout, done.stdout + done.stderr
    after = kept(subject, "skinning")
    assert all(torch.equal(after[name], value) for name, value in expected.items())


def test_a_mistake_is_told_once_in_one_line(subject):
    done = train(subject, "--processes", "3")
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert sum("3 processes can't share the 8 frames" in line for line in lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
