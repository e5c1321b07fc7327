"""Groups of rows in processes of their own.

The model's ops want numbers below 1e-38 to be zero (`kernels.prepare`). That holds for a process with all its threads,
and MediaPipe's graphs do not bear it; as in a run of the workflow, stages and training do not share a process.
"""

import contextlib
import importlib
import multiprocessing
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from partnerface.bench.machine import Crowd
from partnerface.bench.result import say, table
from partnerface.errors import PartNerFaceError


def apart(group: str, *args: Any) -> Any:
    """What the function `group` of the module of that name answers: lines (also of a busy machine), rows, and more.

    Raises:
        PartNerFaceError: the process was ended from outside. What the function raises is raised here.
    """
    context = multiprocessing.get_context("spawn")
    # An interrupt from the keyboard reaches both processes; this one says so in its line, the other just ends.
    with ProcessPoolExecutor(1, context, signal.signal, (signal.SIGINT, signal.SIG_DFL)) as pool:
        try:
            return pool.submit(_measure, group, args).result()
        except BrokenProcessPool:
            raise PartNerFaceError(
                f"measuring ({group}) was ended from outside, most likely for want of memory; free some, or give fewer "
                "--frames"
            ) from None


def _measure(group: str, args: tuple[Any, ...]) -> Any:
    # Stages speak on standard output, which is the table's.
    with contextlib.redirect_stdout(sys.stderr):
        function = getattr(importlib.import_module(f"partnerface.bench.{group}"), group)
        crowd = Crowd()
        lines, results, *rest = function(*args)
        # Whoever interrupts what is still to come has these figures.
        for line in table(results):
            say(line)
        return [*lines, *crowd.told(group)], results, *rest
