"""Silence for libraries whose C++ side writes notes that say nothing to a user, and the arithmetic that they expect."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


def hush_logs() -> None:
    """Ask glog, absl and TensorFlow for errors only; has effect before the library is first imported."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def whole_arithmetic() -> Iterator[None]:
    """Subnormal numbers as IEEE 754 has them inside the block, also where training has them flushed to zero.

    TensorFlow Lite refuses to prepare a model in a thread that flushes them, and the threads of a MediaPipe graph take
    this over from the thread that makes the graph.
    """
    torch = sys.modules.get("torch")
    flushes = torch is not None and float(torch.tensor(1e-310, dtype=torch.float64) * 1.0) == 0.0
    if torch is not None and flushes:
        torch.set_flush_denormal(False)
    try:
        yield
    finally:
        if torch is not None and flushes:
            torch.set_flush_denormal(True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what the process writes to standard error inside the block; errors are raised as ever.

    Meant for the making of a graph and its first call, where MediaPipe's start-up notes come from; the arithmetic is
    whole meanwhile. It acts on the file descriptor, since such notes pass by `sys.stderr`.
    """
    with whole_arithmetic(), _dropped_notes():
        yield


@contextlib.contextmanager
def _dropped_notes() -> Iterator[None]:
    hush_logs()
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # standard error is closed: there is nothing to silence
        yield
        return
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
