"""A row's figures: timing, the table, the JSON."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from partnerface.artefacts.files import atomic

HEADINGS: tuple[str, ...] = (
    "name", "backend", "median", "rate", "reference", "compiled", "of reference", "GFLOP/s", "of peak", "GB/s",
    "of copy",
)  # fmt: skip
#: What the JSON holds of a row; others read it, so that it stays. The table says more.
FIELDS = ("name", "backend", "median_s", "rate", "unit", "ratio_to_reference", "fraction_of_peak")
#: Columns that are set to the left; those that every table has; what stands where nothing applies.
LEFT, ALWAYS, NONE = 2, (0, 1, 2, 3, 6, 8), "-"
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
        fraction_of_peak: operations_per_s over what the machine reaches in multiply-adds.
        reference_s, compiled_s: seconds of the same call in plain torch, and after torch.compile.
        operations_per_s, bytes_per_s: floating-point operations, and bytes that have to be read and written at least;
            None where they were not counted.
        fraction_of_copy: bytes_per_s over what the machine reaches in copies.
    """

    name: str
    backend: str
    median_s: float
    rate: float
    unit: str
    ratio_to_reference: float | None = None
    fraction_of_peak: float | None = None
    reference_s: float | None = None
    compiled_s: float | None = None
    operations_per_s: float | None = None
    bytes_per_s: float | None = None
    fraction_of_copy: float | None = None


def result(
    name: str, backend: str, seconds: Iterable[float], items: float, unit: str, **further: float | None
) -> Result:
    """The row of some calls that took `seconds` each and did `items` units of work each."""
    median = statistics.median(seconds)
    return Result(name, backend, median, items / median, unit, **further)


def timed(call: Callable[[], object], repeats: int) -> list[float]:
    """Wall time of each of some calls, s, until a GPU has done what it was given."""
    torch = sys.modules.get("torch")
    wait = torch.cuda.synchronize if torch is not None and torch.cuda.is_available() else None
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        if wait is not None:
            wait()
        seconds.append(time.perf_counter() - start)
    return seconds


def say(line: str) -> None:
    """Progress, on standard error: standard output is the table's."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def write_json(path: Path, results: Sequence[Result]) -> None:
    """The list of rows with FIELDS, whole or not at all; what does not apply is null."""
    with atomic(path) as temporary:
        rows = [{field: getattr(one, field) for field in FIELDS} for one in results]
        temporary.write_text(json.dumps(rows, indent=1) + "\n")


def table(results: Sequence[Result]) -> list[str]:
    """Lines with aligned columns; what does not apply is a dash, and what applies to no row is left out."""
    rows = _cells(results)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            f"{cell:<{width}}" if column < LEFT else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def write_markdown(path: Path, lines: Sequence[str], results: Sequence[Result]) -> None:
    """What was measured on what, and the table, whole or not at all."""
    rows = _cells(results)
    rule = ["---" if column < LEFT else "---:" for column in range(len(rows[0]))]
    with atomic(path) as temporary:
        told = "\n".join(["# Bench", "", "```", *lines, "```", ""])
        body = "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:]))
        temporary.write_text(f"{told}\n{body}\n")


def _cells(results: Sequence[Result]) -> list[list[str]]:
    """Headings and rows."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for one in results:
        rows.append(
            (
                one.name,
                one.backend,
                _duration(one.median_s),
                f"{_number(one.rate)} {one.unit}",
                *(_some(seconds, _duration) for seconds in (one.reference_s, one.compiled_s)),
                _some(one.ratio_to_reference, lambda ratio: f"{ratio:.2f}"),
                _some(one.operations_per_s, lambda rate: _number(rate / 1e9)),
                _some(one.fraction_of_peak, lambda share: f"{100 * share:.0f} %"),
                _some(one.bytes_per_s, lambda rate: _number(rate / 1e9)),
                _some(one.fraction_of_copy, lambda share: f"{100 * share:.0f} %"),
            )
        )
    told = [
        column for column in range(len(HEADINGS)) if column in ALWAYS or any(row[column] != NONE for row in rows[1:])
    ]
    return [[row[column] for column in told] for row in rows]


def _some(value: float | None, told: Callable[[float], str]) -> str:
    return NONE if value is None else told(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms" if seconds < 0.1 else f"{seconds:.3f} s"


def _number(value: float) -> str:
    """Three figures that count, in full."""
    if value >= 1000:
        digits = 3 - len(str(int(value)))
        return f"{round(value, digits):,.0f}"
    return f"{value:.3g}"
