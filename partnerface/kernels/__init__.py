"""Numerical kernels of the avatar: `csrc` in C++ and CUDA, `reference` in plain torch, chosen by `backend`."""

import contextlib

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX, _MADV_HUGEPAGE = -1, -4, -8, 14
_HEAP, _LARGE_PAGE = 1 << 30, 1 << 21


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
    """Have the C library keep freed memory rather than give it back to the system, and take it in large pages.

    A step frees and asks again for hundreds of megabytes; fresh pages, zeroed one by one by the system, would take half
    of its time. A sample's features lie far apart, so that with small pages each of them would need its address looked
    up. Only glibc and Linux know these switches; elsewhere things go on without.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
        library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, -1)
        library.mallopt(_M_ARENA_MAX, 1)
        # What was never written takes no memory: this only moves the end of the heap.
        heap = library.malloc(_HEAP)
        if heap:
            start = -(-heap // _LARGE_PAGE) * _LARGE_PAGE
            library.madvise(start, heap + _HEAP - start, _MADV_HUGEPAGE)
            library.free(heap)
