"""A row's figures: timing, the table, the JSON."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from partnerface.artefacts.files import atomic

HEADINGS: tuple[str, ...] = ("name", "backend", "median", "rate", "of reference", "of peak")
#: Backends' names: plain torch, which faster forms are compared with, and MediaPipe's own models.
REFERENCE, MEDIAPIPE = "reference", "mediapipe"


@dataclass(frozen=True)
class Result:
    """One row.

    Attributes:
        name: of the row. backend: what did the work.
        median_s: seconds of one call: one frame, one step, one picture, or an op's forward and backward.
        rate: `unit` per second at that median.
        ratio_to_reference: the rate over that of the reference; None where there is none.
        fraction_of_peak: floating-point operations per second over what the machine reaches in a matrix product;
            None where they were not counted.
    """

    name: str
    backend: str
    median_s: float
    rate: float
    unit: str
    ratio_to_reference: float | None = None
    fraction_of_peak: float | None = None


def result(
    name: str, backend: str, seconds: Iterable[float], items: float, unit: str, **further: float | None
) -> Result:
    """The row of some calls that took `seconds` each and did `items` units of work each."""
    median = statistics.median(seconds)
    return Result(name, backend, median, items / median, unit, **further)


def timed(call: Callable[[], object], repeats: int) -> list[float]:
    """Wall time of each of some calls, s."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def say(line: str) -> None:
    """Progress, on standard error: standard output is the table's."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def write_json(path: Path, results: Sequence[Result]) -> None:
    """The list of rows, whole or not at all; what does not apply is null."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")


def table(results: Sequence[Result]) -> list[str]:
    """Lines with aligned columns; what does not apply is a dash."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for one in results:
        share = "-" if one.fraction_of_peak is None else f"{100 * one.fraction_of_peak:.0f} %"
        ratio = "-" if one.ratio_to_reference is None else f"{one.ratio_to_reference:.2f}"
        rows.append((one.name, one.backend, _duration(one.median_s), f"{_number(one.rate)} {one.unit}", ratio, share))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    left = (True, True, False, False, False, False)
    return [
        "  ".join(
            f"{cell:<{width}}" if to_left else f"{cell:>{width}}"
            for cell, width, to_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in rows
    ]


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms" if seconds < 0.1 else f"{seconds:.3f} s"


def _number(value: float) -> str:
    """Three figures that count, in full."""
    if value >= 1000:
        digits = 3 - len(str(int(value)))
        return f"{round(value, digits):,.0f}"
    return f"{value:.3g}"
