"""The metrics of all runs under results/, averaged over frames and seeds; protocols keep apart what differs."""

import csv
import functools
import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts.files import check, read_json
from partnerface.artefacts.layout import RunFolder, SubjectFolder
from partnerface.conventions import DIAGNOSTICS, METHODS_COMPARED, METRICS, MOTION_METRICS, REGIONS
from partnerface.errors import ArtefactError
from partnerface.reporting.bootstrap import Interval, block_length, interval, resampled_means

#: Where the protocol knows none, the rate that most cameras have.
USUAL_FPS = 30.0
#: Folders of results/ that are no subject.
NOT_SUBJECTS = ("tables", "benchmarks", "logs")

_SEED = re.compile(r"(.+)/seed(\d+)")


#: split, region, metric
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Run:
    """One evaluated run.

    Attributes:
        subject: its name.
        name: the folder below the subject's (`partnerface/seed1`).
        folder: its files.
        values: metrics.csv of the run: (split, region, metric) → source frame → value.
        protocol: its protocol.json.
    """

    subject: str
    name: str
    folder: RunFolder
    values: Mapping[Key, Mapping[int, float]]
    protocol: Mapping[str, Any]

    @property
    def method(self) -> str:
        """The run's name without its seed."""
        return method_of(self.name)

    @property
    def comparable(self) -> str:
        """What has to be equal for two runs of one subject to stand in one table."""
        return json.dumps(self.protocol["comparable"], sort_keys=True)


def method_of(run_name: str) -> str:
    """`partnerface/seed1` → `partnerface`."""
    seed = _SEED.fullmatch(run_name)
    return seed[1] if seed else run_name


def subjects(results: Path) -> list[SubjectFolder]:
    """The subjects' folders under results/, by name."""
    folders = sorted(f for f in Path(results).iterdir() if f.is_dir()) if Path(results).is_dir() else []
    return [SubjectFolder(f) for f in folders if f.name not in NOT_SUBJECTS and not f.name.startswith(".")]


def run_names(subject: SubjectFolder, file: str) -> list[str]:
    """Names of the runs of a subject that have left `file`, in the order of `run_order`."""
    found = [*subject.root.glob(f"*/{file}"), *subject.root.glob(f"*/seed*/{file}")]
    return sorted((path.parent.relative_to(subject.root).as_posix() for path in found), key=run_order)


def run_order(name: str) -> tuple[int, str, int, int]:
    """What runs are sorted by: the main comparison in its order, but retrieval last, and the others by name before it.

    The seeds of each are in order, and `parts_2` comes before `parts_16`.
    """
    method, seed = method_of(name), _SEED.fullmatch(name)
    others = len(METHODS_COMPARED) - 1
    rank = list(METHODS_COMPARED).index(method) if method in METHODS_COMPARED else others
    stem = method.rstrip("0123456789")
    return rank + (method == "retrieval"), stem, int(method[len(stem) :] or -1), int(seed[2]) if seed else -1


def read_run(subject: SubjectFolder, name: str) -> Run:
    """Read the metrics and the protocol of one run; raises ArtefactError when they are damaged."""
    folder = subject.run(name)
    lines = csv.reader(check(folder.metrics, "evaluate").read_text(encoding="utf-8").splitlines())
    protocol = read_json(folder.protocol, "evaluate")
    values: dict[Key, dict[int, float]] = {}
    try:
        if next(lines) != ["frame", "split", "region", "metric", "value"] or "comparable" not in protocol:
            raise ValueError
        for frame, split, region, metric, value in lines:
            values.setdefault((split, region, metric), {})[int(frame)] = float(value)
    except (ValueError, StopIteration):
        raise ArtefactError(
            f"{folder.metrics} or its protocol is of another form; run `partnerface evaluate` again"
        ) from None
    return Run(subject.name, name, folder, values, protocol)


def find_runs(results: Path) -> list[Run]:
    """All evaluated runs of all subjects."""
    return [read_run(subject, name) for subject in subjects(results) for name in run_names(subject, "metrics.csv")]


@dataclass(frozen=True)
class Mean:
    """One row of results/tables/metrics.csv: a mean over frames, then over seeds.

    Attributes:
        n_frames: frames of one seed (the seed that has fewest).
        spread: standard deviation over the seeds; None for one seed.
        seeds: how many there are.
        interval: what the mean may be over other frames of this kind, with these seeds; None where it is not known.
    """

    subject: str
    method: str
    split: str
    region: str
    metric: str
    value: float
    n_frames: int
    spread: float | None = None
    seeds: int = 1
    interval: Interval | None = None


@dataclass(frozen=True)
class Series:
    """One metric of one method in one region and split, frame by frame.

    Attributes:
        frames: (n,) source frames that any seed has, ascending.
        values: (seeds, n), NaN where a seed lacks a frame.
    """

    frames: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Group:
    """Runs of one subject that were measured in the same way, so that their numbers may be compared.

    Attributes:
        subject: its name.
        runs: method → its runs, one per seed. A method whose seeds were measured in different ways stands in several
            groups: in the first by its name, in the others by those of its runs.
    """

    subject: str
    runs: dict[str, list[Run]] = field(default_factory=dict)

    @property
    def protocol(self) -> Mapping[str, Any]:
        """The protocol of the first run; `comparable` is that of all of them."""
        return next(iter(self.runs.values()))[0].protocol

    @property
    def source_fps(self) -> float:
        """Frames per second of the source."""
        return self.protocol["comparable"].get("source_fps") or USUAL_FPS

    def keys(self) -> list[Key]:
        """All splits, regions and metrics in the order in which tables show them."""
        keys = {key for runs in self.runs.values() for run in runs for key in run.values}
        splits, metrics = list(self.protocol["comparable"]["splits"]), (*METRICS, *MOTION_METRICS, *DIAGNOSTICS)
        return sorted(keys, key=lambda key: (_rank(key[0], splits), _rank(key[1], REGIONS), _rank(key[2], metrics)))

    def series(self, method: str, key: Key) -> Series | None:
        """The values of a method's seeds; None where none has any."""
        seeds = [run.values[key] for run in self.runs[method] if key in run.values]
        frames = sorted({frame for values in seeds for frame in values})
        if not frames:
            return None
        values = np.array([[values.get(frame, np.nan) for frame in frames] for values in seeds])
        return Series(np.array(frames), values)

    def resampled(self, series: Series, stream: int = 0) -> np.ndarray:
        """Bootstrapped means of a series; see `bootstrap`."""
        return resampled_means(series.values, block_length(series.frames, self.source_fps), stream)

    def means(self) -> list[Mean]:
        """By method, split, region and metric, in the order in which tables show them."""
        return self._means

    @functools.cached_property
    def _means(self) -> list[Mean]:
        keys = self.keys()
        return [mean for method in self.runs for key in keys if (mean := self._mean(method, key)) is not None]

    def _mean(self, method: str, key: Key) -> Mean | None:
        series = self.series(method, key)
        if series is None:
            return None
        per_seed = [row[np.isfinite(row)].tolist() for row in series.values]
        means = [statistics.fmean(values) for values in per_seed]
        spread = statistics.stdev(means) if len(means) > 1 else None
        return Mean(
            self.subject,
            method,
            *key,
            statistics.fmean(means),
            min(map(len, per_seed)),
            spread,
            len(means),
            interval(self.resampled(series)),
        )


def _rank(name: str, names: Sequence[str]) -> tuple[int, str]:
    return (names.index(name), "") if name in names else (len(names), name)


def group_runs(runs: list[Run]) -> list[Group]:
    """Sort the runs of each subject into groups that may be compared, the greatest group of a subject first."""
    by_subject: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        by_subject.setdefault(run.subject, {}).setdefault(run.comparable, []).append(run)
    groups = []
    for subject, alike in by_subject.items():
        taken: set[str] = set()
        for members in sorted(alike.values(), key=len, reverse=True):
            group = Group(subject)
            for run in members:
                group.runs.setdefault(run.name if run.method in taken else run.method, []).append(run)
            taken |= {run.method for run in members}
            groups.append(group)
    return groups


def first_runs(group: Group) -> dict[str, Run]:
    """Method → its first run, the lead (partnerface, or else the first) and retrieval at the front."""
    order = sorted(group.runs, key=lambda method: (method != "partnerface", method != "retrieval"))
    return {method: group.runs[method][0] for method in order}


def differences(first: Mapping[str, Any], second: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What differs between two protocols' `comparable` parts, as `size: [256, 256] / [128, 128]`."""
    found = []
    for name in [*first, *(name for name in second if name not in first)]:
        one, other, path = first.get(name), second.get(name), f"{prefix}{name}"
        if one == other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += differences(one, other, f"{path}.")
        elif name.endswith((".npy", ".npz")):
            found.append(f"{path}: another file")
        else:
            found.append(f"{path}: {json.dumps(one)} / {json.dumps(other)}")
    return found
