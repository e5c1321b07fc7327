"""The report on quality: over time, on training frames against held-out ones, and against the trivial baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from partnerface.reporting.plots import WARN, Line, Panel, draw, series_colour
from partnerface.reporting.results import Group, Run, first_runs


def over_time(group: Group, colours: Mapping[str, int]) -> str | None:
    """PSNR of every measured frame against its number, one colour per method, as SVG; None when there is nothing."""
    runs = first_runs(group)
    lines = []
    for run in reversed(runs.values()):  # the lead on top
        points = {
            frame: value
            for (_, region, metric), values in run.values.items()
            if (region, metric) == ("full", "psnr")
            for frame, value in values.items()
        }
        if points:
            frames = sorted(points)
            lines.append(Line(frames, [points[f] for f in frames], series_colour(colours[run.name]), "points"))
    if not lines:
        return None
    spans = [(start, end, WARN) for start, end in _held_out_stretches(next(iter(runs.values())))]
    return draw([Panel(lines, "source frame", "PSNR over the whole image [dB]", spans=spans)])


def _held_out_stretches(run: Run) -> list[tuple[float, float]]:
    """From where to where frames are held out; gaps of a few dropped frames do not break a stretch."""
    frames = sorted({f for (split, _, _), values in run.values.items() if split != "train" for f in values})
    stretches: list[tuple[float, float]] = []
    for frame in frames:
        if stretches and frame - stretches[-1][1] < 5:
            stretches[-1] = (stretches[-1][0], frame + 0.5)
        else:
            stretches.append((frame - 0.5, frame + 0.5))
    return stretches


@dataclass(frozen=True)
class GapRow:
    """One method's PSNR on training frames and on held-out ones, in dB."""

    method: str
    colour: int
    train: float | None
    splits: tuple[tuple[str, float, float | None], ...]


@dataclass(frozen=True)
class Gap:
    """All methods, and the scale that they are drawn on."""

    rows: tuple[GapRow, ...]
    low: float
    high: float

    def share(self, value: float) -> float:
        """Where a value lies on the scale, in percent."""
        return 100 * (value - self.low) / (self.high - self.low)


def gap(group: Group, colours: Mapping[str, int], region: str = "full", metric: str = "psnr") -> Gap | None:
    """How much better the training frames are than the held-out ones, method by method."""
    table = {(m.method, m.split): m.value for m in group.means() if (m.region, m.metric) == (region, metric)}
    names = [split for split in group.protocol["comparable"]["splits"] if split != "train"]
    rows = []
    for method, runs in group.runs.items():
        train = table.get((method, "train"))
        found = [(name, table[method, name]) for name in names if (method, name) in table]
        splits = tuple((name, value, None if train is None else train - value) for name, value in found)
        rows.append(GapRow(method, colours[runs[0].name], train, splits))
    values = list(table.values())
    if not values:
        return None
    low, high = np.floor(min(values) - 0.5), np.ceil(max(values) + 0.5)
    return Gap(tuple(rows), float(low), float(high))


@dataclass(frozen=True)
class Verdict:
    """The lead's PSNR over whole held-out images beside that of `retrieval`, dB."""

    subject: str
    split: str
    lead: str
    ours: float
    trivial: float


def verdicts(groups: Sequence[Group]) -> list[Verdict]:
    """For each subject and held-out split: how far the lead is above the trivial baseline."""
    found = []
    for group in groups:
        table = {(m.method, m.split): m.value for m in group.means() if (m.region, m.metric) == ("full", "psnr")}
        lead = next(iter(first_runs(group)))
        for split in group.protocol["comparable"]["splits"]:
            if split == "train" or lead == "retrieval":
                continue
            ours, trivial = table.get((lead, split)), table.get(("retrieval", split))
            if ours is not None and trivial is not None:
                found.append(Verdict(group.subject, split, lead, ours, trivial))
    return found
