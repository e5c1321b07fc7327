"""A CSV of expression components or blendshape values over time as a relative motion."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partnerface.driving.movements import Movement, find, played
from partnerface.driving.neutral import Arrays
from partnerface.errors import InputError

#: Columns that say when, and those that say nothing.
TIMES, FRAMES, TIMECODES = ("time_s", "time", "seconds"), ("frame",), ("timecode",)
SILENT = ("blendshapecount", "_neutral", "status", "reason", "")


@dataclass(frozen=True)
class Table:
    """A motion read from a CSV.

    Attributes:
        relative: of T frames, see `transfer`.
        time_s: (T,) seconds, growing, from 0.
        unknown: columns that no movement of the head bears the name of.
    """

    relative: Arrays
    time_s: np.ndarray
    unknown: list[str]


def read_table(path: Path, known: dict[str, Movement], n_expression: int, fps: float) -> Table:
    """Read a CSV with a line of names and a row per frame.

    Args:
        path: the file.
        known: the head's `vocabulary`.
        n_expression: E of the head.
        fps: frames per second, where the rows are counted rather than timed; of time codes the last number counts
            frames of this rate.

    Raises:
        InputError: it is no such table; the line says in which line and column.
    """
    names, rows = _rows(path)
    movements = {name: found for name in names if (found := find(known, name)) is not None}
    clock = [name for name in names if name.lower() in (*TIMES, *FRAMES, *TIMECODES)]
    unknown = [name for name in names if name not in movements and name not in clock and name.lower() not in SILENT]
    if not movements:
        raise InputError(
            f"{path} has no column that this avatar's head knows (it has {', '.join(names[:6])}...); name them after "
            "ARKit's blendshapes or the head's components, which `partnerface drive --about AVATAR` lists"
        )
    values = np.array([[_number(path, row, name) for name in movements] for row in rows])
    time_s = _times(path, clock[0] if clock else None, rows, fps)
    if (np.diff(time_s) <= 0).any():
        line = int(np.argmax(np.diff(time_s) <= 0)) + 3
        raise InputError(f"{path}, line {line}: the time does not grow; sort the rows by time")
    return Table(played(list(movements.values()), values, n_expression), time_s - time_s[0], unknown)


def _rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The names, and each row with its line."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}; give a CSV file") from None
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(f"{path} has the column {twice[0]} twice; name each once")
    if not rows:
        raise InputError(f"{path} has no rows of values; give a line of names and a row per frame")
    for line, row in rows:
        if len(row) != len(names):
            raise InputError(f"{path}, line {line}: has {len(row)} cells, the first line {len(names)} names")
    return names, [(line, dict(zip(names, row, strict=True))) for line, row in rows]


def _number(path: Path, row: tuple[int, dict[str, str]], name: str) -> float:
    line, cells = row
    try:
        value = float(cells[name])
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{path}, line {line}: {name} is {cells[name]!r}; allowed: a number")
    return value


def _times(path: Path, clock: str | None, rows: list[tuple[int, dict[str, str]]], fps: float) -> np.ndarray:
    if clock is None:
        return np.arange(len(rows)) / fps
    if clock.lower() not in TIMECODES:
        times = np.array([_number(path, row, clock) for row in rows])
        return times / fps if clock.lower() in FRAMES else times
    out = []
    for line, cells in rows:
        match = re.fullmatch(r"(\d+):(\d+):(\d+)[:;]([\d.]+)", cells[clock])
        if match is None:
            raise InputError(f"{path}, line {line}: the time code {cells[clock]!r} is not hours:minutes:seconds:frames")
        hours, minutes, seconds, frames = (float(part) for part in match.groups())
        out.append(hours * 3600 + minutes * 60 + seconds + frames / fps)
    return np.array(out)
