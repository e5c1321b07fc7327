"""Progress with an estimate of the time left: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
LINE_EVERY_S = 5.0


def clock(seconds: float) -> str:
    """`75` → `1:15`."""
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class Progress:
    """Counts work done; prints at most one line every few seconds unless standard error is a terminal.

    Args:
        what: the name of the work, as the user knows it (`landmarks`).
        total: how many units there are.
        unit: the name of one unit (`frame`).
        done: units that were done before (a resumed run).
    """

    def __init__(self, what: str, total: int, unit: str = "frame", done: int = 0):
        self.what, self.total, self.unit = what, total, unit
        self.done = self.start_done = done
        self.start = self.last = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def step(self, count: int = 1, note: str = "") -> None:
        """`count` more units are done; `note` is shown behind the estimate (`psnr 27.3 dB`)."""
        self.done += count
        now = time.monotonic()
        finished = self.done >= self.total
        if finished or now - self.last >= (0.2 if self.terminal else LINE_EVERY_S):
            self.last = now
            self._print(now, note, finished)

    def _print(self, now: float, note: str, finished: bool) -> None:
        elapsed = now - self.start
        rate = (self.done - self.start_done) / max(elapsed, 1e-9)
        left = "" if finished else f", {clock((self.total - self.done) / max(rate, 1e-9))} left"
        text = (
            f"{self.what}: {self.done}/{self.total} {self.unit}s ({100 * self.done // max(self.total, 1)} %), "
            f"{rate:.1f}/s, {clock(elapsed)}{left}{', ' + note if note else ''}"
        )
        end = "\n" if finished or not self.terminal else ""
        sys.stderr.write(("\r\033[K" if self.terminal else "") + text + end)
        sys.stderr.flush()


def track(items: Iterable[T], what: str, total: int, unit: str = "frame") -> Iterator[T]:
    """Iterate over `items` and show progress."""
    bar = Progress(what, total, unit)
    for item in items:
        yield item
        bar.step()
