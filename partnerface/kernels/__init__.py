"""Numerical kernels of the avatar: `csrc` in C++ and CUDA, `reference` in plain torch, chosen by `backend`."""

import contextlib

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def prepare() -> None:
    """Set up torch for the kernels; call it before the first op of a process.

    Numbers below 1e-38 become zero: transmittances behind a surface and Adam's moments of hidden grid rows fall into
    that range by the thousand, and a CPU takes a hundred times as long for each. Worker threads inherit the switch, so
    it has to be set before they start.
    """
    import torch

    torch.set_flush_denormal(True)
    _keep_memory()


def _keep_memory() -> None:
    """Have the C library keep freed memory rather than give it back to the system.

    A step frees and asks again for hundreds of megabytes; fresh pages, zeroed one by one by the system, would take half
    of its time. Only glibc knows these switches.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)
        mallopt(_M_TOP_PAD, 64 << 20)
