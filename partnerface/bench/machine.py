"""The machine that was measured, in words, and the speed of its matrix product."""

import contextlib
import importlib.metadata
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from partnerface import __version__
from partnerface.bench.result import timed
from partnerface.machine import processor

PACKAGES = ("torch", "numpy", "mediapipe", "opencv-contrib-python")
#: Edges of the square matrices of which the fastest says what the machine can do: from what lies in a core's cache to
#: what lies in that of the processor.
EDGES = (256, 512, 1024, 2048)
#: A share of waiting that is told.
WORTH_A_LINE = 0.05


def machine() -> list[str]:
    """Processor, cores, threads and versions; and how busy the machine was when the measuring began."""
    import torch

    versions = []
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{package} {importlib.metadata.version(package)}")
    cores, threads = len(os.sched_getaffinity(0)), torch.get_num_threads()
    return [
        f"machine   {processor()}, {cores} cores, {threads} torch threads, load {os.getloadavg()[0]:.1f}",
        f"versions  partnerface {__version__}, Python {platform.python_version()}, {', '.join(versions)}",
    ]


class Crowd:
    """How long this thread waits for a processor while others have them: then wall times say little of the machine."""

    def __init__(self):
        self._start, self._waited = time.perf_counter(), _waited_s()

    def told(self, what: str) -> list[str]:
        """A line where the wait since the beginning is worth one."""
        now = _waited_s()
        if now is None or self._waited is None:
            return []
        share = (now - self._waited) / (time.perf_counter() - self._start)
        if share < WORTH_A_LINE:
            return []
        return [
            f"busy      {what}: {100 * share:.0f} % of the time went by waiting for a processor; its rates are too low"
        ]


def _waited_s() -> float | None:
    """Seconds in which the main thread could have run and did not, as Linux counts them; None elsewhere."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None


@dataclass(frozen=True)
class Ceilings:
    """What a processor does at most: floating-point operations and bytes per second, and the same in words.

    Operations are fused multiply-adds that never leave the registers, bytes those that copies read and write. Of a GPU,
    and where no kernels were built, torch's matrix product stands for the first; without kernels the second is unknown.
    """

    operations: float
    bytes: float | None
    told: list[str]


def ceilings(repeats: int) -> Ceilings:
    """Measure this machine's."""
    import torch

    from partnerface.kernels.backend import compute_device
    from partnerface.kernels.library import UnavailableError, cpu_library

    product = peak(repeats)
    line = f"peak      {product / 1e9:.3g} GFLOP/s in torch's float32 matrix product"
    if compute_device().type == "cuda":
        copy = copied(repeats)
        name = torch.cuda.get_device_name()
        return Ceilings(
            product, copy, [f"gpu       {name}", line, f"peak      {copy / 1e9:.3g} GB/s read and written in copies"]
        )
    try:
        library = cpu_library()
    except UnavailableError:
        return Ceilings(product, None, [line])
    registers, copy = (library.ceiling(name, torch.get_num_threads()) for name in ("fma", "copy"))
    told = f"peak      {registers / 1e9:.3g} GFLOP/s in multiply-adds, {copy / 1e9:.3g} GB/s read and written in copies"
    units = ["units     matrices are multiplied by AMX, which the peak does not count"] if library.isa == "amx" else []
    return Ceilings(registers, copy, [told, line, *units])


def copied(repeats: int) -> float:
    """Bytes per second, read and written, of torch's copy of 256 MiB."""
    import torch

    source = torch.rand(1 << 26)
    to = torch.empty_like(source)
    to.copy_(source)
    return 2 * source.nbytes / min(timed(lambda: to.copy_(source), repeats))


def peak(repeats: int) -> float:
    """Floating-point operations per second of torch's float32 matrix product, at the size where it is fastest.

    2 n^3 of them in the product of two n x n matrices.
    """
    import torch

    best = 0.0
    for edge in EDGES:
        a, b, out = (torch.rand(edge, edge) for _ in range(3))

        def multiply(a=a, b=b, out=out) -> None:
            torch.mm(a, b, out=out)

        multiply()
        best = max(best, 2 * edge**3 / min(timed(multiply, repeats)))
    return best
