"""No kernel reads or writes where it may not, and none does what C++ leaves undefined."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import partnerface.kernels
from partnerface.kernels.library import ISA, UnavailableError, cpu_library

CSRC = Path(partnerface.kernels.__file__).with_name("csrc")
BIN = Path(sys.executable).parent
SANITIZERS = ("libasan.so", "libubsan.so")


def tool(name: str) -> str | None:
    return shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")


def runtime(name: str) -> str | None:
    """Where g++ has a library of its own."""
    if tool("g++") is None:
        return None
    found = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
    return found if Path(found).is_absolute() else None


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    cmake, ninja = tool("cmake"), tool("ninja")
    if cmake is None or ninja is None or not all(map(runtime, SANITIZERS)):
        pytest.skip("cmake, ninja or g++'s sanitizers are missing")
    folder = tmp_path_factory.mktemp("sanitized")
    subprocess.run(
        [
            cmake, "-S", CSRC, "-B", folder, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-DCMAKE_CXX_COMPILER=g++",
            "-DPARTNERFACE_SANITIZE=ON", "-DPARTNERFACE_CUDA=OFF",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return cmake, folder


@pytest.mark.parametrize("isa", ["amx", "v4", "v3"])
def test_memory_is_respected(built, isa, monkeypatch):
    monkeypatch.setenv(ISA, isa)
    try:
        cpu_library()
    except UnavailableError as reason:
        pytest.skip(str(reason))
    cmake, folder = built
    subprocess.run([cmake, "--build", folder, "--target", f"partnerface_cpu_{isa}"], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("exercise.py"), folder],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "LD_PRELOAD": " ".join(str(runtime(name)) for name in SANITIZERS),
            # torch and Python keep memory to the end; torch's own exceptions come from libraries opened later.
            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "PYTHONPATH": str(Path(partnerface.kernels.__file__).parents[2]),
        },
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert f"exercised: {isa}" in done.stdout
    assert "AddressSanitizer" not in said
    assert "runtime error" not in said, said[-4000:]
