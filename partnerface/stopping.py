"""Being told to stop: a scheduler sends SIGTERM some seconds before it kills, as when a job is pre-empted."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

#: Exit status of a command that stopped because it was told to: start it again (EX_TEMPFAIL of sysexits.h).
STOPPED = 75


@contextlib.contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """While it lasts SIGTERM ends nothing, but is remembered: yields what says whether it came.

    In another thread than the main one, which alone hears signals, it never comes.
    """
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        yield lambda: bool(told)
    finally:
        signal.signal(signal.SIGTERM, before)
