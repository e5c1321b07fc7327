"""Processors, memory, graphics cards, compilers, disk."""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from partnerface.doctor.finding import Finding
from partnerface.failures import existing_parent

GIB = 2**30
#: The demo leaves about 1 GiB; a video of a minute leaves about 3.
LEAST_DISK_GIB = 3.0
LEAST_MEMORY_GIB = 3.5
PYTHONS = ((3, 11), (3, 12))


def python() -> Finding:
    """The interpreter; other versions than those that the pins were tried with may lack packages."""
    version = platform.python_version()
    known = sys.version_info[:2] in PYTHONS
    cure = "" if known else f"Python {version} is not 3.11 or 3.12; make a new environment with one of these"
    return Finding("python", f"{version} at {sys.executable}", cure)


def processor() -> Finding:
    """Cores that this process may use, and memory, with the limit of its container if there is one."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # no such file, or the word "max"
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    gib = memory / GIB
    cure = "" if gib >= LEAST_MEMORY_GIB else f"{gib:.1f} GiB of memory; the default path wants {LEAST_MEMORY_GIB} GiB"
    return Finding("cpu", f"{len(os.sched_getaffinity(0))} cores, {gib:.1f} GiB memory", cure)


def graphics() -> Finding:
    """CUDA devices as torch sees them; none is needed."""
    code = (
        "import torch\n"
        "for n in range(torch.cuda.device_count()):\n"
        "    p = torch.cuda.get_device_properties(n)\n"
        "    print(f'{p.name}, {p.total_memory / 2**30:.0f} GiB')\n"
    )
    lines = _said([sys.executable, "-c", code])
    if lines:
        return Finding("gpu", "; ".join(lines))
    seen = _said(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    if seen:
        return Finding("gpu", f"{'; '.join(seen)}, but this torch has no CUDA: install torch's CUDA build to use it")
    return Finding("gpu", "none; everything runs on the CPU, training takes longer")


def compiler() -> Finding:
    """C++ and CUDA compilers, for the package's own kernels."""
    found = []
    for program, flag in (("g++", "--version"), ("nvcc", "--version")):
        path = shutil.which(program)
        lines = _said([path, flag]) if path else []
        version = next((line for line in reversed(lines) if any(mark in line for mark in ("release", "(GCC)"))), "")
        found.append(f"{program} {version or (lines[0] if lines else 'absent')}")
    return Finding("compiler", "; ".join(found))


def kernels() -> Finding:
    """Which implementation of the package's own operations is used, and why."""
    from partnerface.kernels.backend import told

    return Finding("kernels", told())


def disk(results: Path) -> Finding:
    """Room where the results go, and whether they may be written."""
    there = existing_parent(results)
    free = shutil.disk_usage(there).free / GIB
    text = f"{free:.1f} GiB free for {results}"
    if not os.access(there, os.W_OK):
        return Finding("disk", text, f"{there} may not be written to; choose another results folder")
    if free < LEAST_DISK_GIB:
        return Finding("disk", text, f"{text}; a run wants {LEAST_DISK_GIB:.0f} GiB: free some space")
    return Finding("disk", text)


def _said(command: list[str]) -> list[str]:
    """The lines that a program prints; none when it is absent or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
