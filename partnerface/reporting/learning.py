"""The report on training: its curves, from train.jsonl."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from partnerface.artefacts.layout import SubjectFolder
from partnerface.progress import clock
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.plots import Line, Panel, draw, series_colour


@dataclass(frozen=True)
class Course:
    """The end of one run's training in words: `2400 steps in 6:12`."""

    run: str
    colour: int
    words: str


@dataclass(frozen=True)
class Learning:
    """The curves of all runs that were trained, and what became of each."""

    plot: str
    courses: tuple[Course, ...]
    problems: tuple[str, ...]

    missing = False


def learning(shelf: Shelf, subject: SubjectFolder, colours: Mapping[str, int]) -> Learning | Missing:
    """Read each run's train.jsonl and draw them together.

    Args:
        shelf: for the names of files.
        subject: its folder.
        colours: run → number of its colour.
    """
    logs, courses, problems = {}, [], []
    for run, colour in colours.items():
        data = shelf.file(subject.run(run).log, "train")
        if isinstance(data, Missing):
            problems.append(data.reason)
            continue
        lines = read_log(data.decode("utf-8", "replace"))
        courses.append(Course(run, colour, _words(lines)))
        if lines:
            logs[run] = lines
    if not logs:
        reason = "; ".join(problems) or "no run has a training log with steps in it (retrieval is not trained)"
        return Missing(reason)

    def lines_of(key: str, style: str = "-", width: float = 1.2) -> list[Line]:
        found = []
        for run, lines in logs.items():
            points = [(line["step"], line[key]) for line in lines if _is_number(line.get(key))]
            if points:
                x, y = zip(*points, strict=True)
                found.append(Line(x, y, series_colour(colours[run]), style, width))
        return found

    marks = [x for x in {_second_stage(lines) for lines in logs.values()} if x is not None]
    held_out = lines_of("heldout_psnr", (0, (3, 2)))  # type: ignore[arg-type]
    panels = [Panel(lines_of("psnr") + held_out, "step", "PSNR of the batches [dB]", marks=marks)]
    if loss := lines_of("loss", width=0.9):
        positive = all(value > 0 for line in loss for value in line.y)
        panels.append(Panel(loss, "step", "loss", log=positive, marks=marks))
    return Learning(draw(panels, height=2.5), tuple(courses), tuple(problems))


def read_log(text: str) -> list[dict[str, Any]]:
    """The lines of a train.jsonl that are objects with a step; others (a torn last line) are passed over."""
    lines = []
    for text_line in text.splitlines():
        try:
            line = json.loads(text_line)
        except ValueError:
            continue
        if isinstance(line, dict) and _is_number(line.get("step")):
            lines.append(line)
    return lines


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value and abs(value) < 1e300


def _second_stage(lines: Sequence[Mapping[str, Any]]) -> float | None:
    return next((line["step"] for line in lines if line.get("stage") == 2), None)


def _words(lines: Sequence[Mapping[str, Any]]) -> str:
    if not lines:
        return "nothing to train"
    last = lines[-1]
    words = [f"{last['step']:,} steps"]
    if _is_number(last.get("seconds")):
        words[0] += f" in {clock(last['seconds'])}"
    if _is_number(last.get("psnr")):
        words.append(f"{last['psnr']:.2f} dB on the last batches")
    if last.get("roll_backs"):
        words.append(f"rolled back {last['roll_backs']} times")
    return ", ".join(words)
