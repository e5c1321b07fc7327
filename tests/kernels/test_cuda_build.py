"""The CUDA half compiles, and no kernel runs out of registers. Needs nvcc, not a GPU."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import partnerface.kernels

CSRC = Path(partnerface.kernels.__file__).with_name("csrc")
NVCC = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
ARCHITECTURES = (80, 90)
pytestmark = pytest.mark.skipif(NVCC is None, reason="no nvcc")


@pytest.mark.parametrize("source", sorted(CSRC.glob("*_cuda.cu")), ids=lambda path: path.stem)
def test_nothing_is_spilled(tmp_path, source):
    targets = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in ARCHITECTURES]
    command = [
        NVCC, "-std=c++17", "-O3", "--extended-lambda", "-Xptxas", "-v", "-Xcompiler", "-fPIC", *targets,
        "-c", str(source), "-o", str(tmp_path / "object.o"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    spills = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", done.stderr)
    if source.stem != "abi_cuda":
        assert len(spills) >= len(ARCHITECTURES), done.stderr
    assert all(pair == ("0", "0") for pair in spills), done.stderr
