"""The last lines of a run: where everything lies, and the table."""

import csv
from collections.abc import Sequence
from pathlib import Path

from partnerface.artefacts.failures import failures
from partnerface.artefacts.files import read_json
from partnerface.artefacts.layout import SubjectFolder
from partnerface.config.document import Config
from partnerface.conventions import METRICS
from partnerface.errors import ArtefactError

REGION = "full"


def summary(config: Config, results: str) -> list[str]:
    """Lines that say where the report, the avatars and the videos are, how good the clips are, and the metrics of the
    whole image.

    Args:
        config: the configuration that was run.
        results: the results folder, as the user knows it.
    """
    root = Path(results)
    places = [("report", root / "report.html")]
    for subject in config.subjects:
        for run in config.runs():
            folder = SubjectFolder(root / subject).run(run)
            label = f"{subject} {run}"
            places += [(f"avatar of {label}", folder.avatar), (f"video of {label}", folder.video)]
    found = [(label, str(path)) for label, path in places if path.is_file()]
    lines = [(f"clip of {subject}", verdict(root / subject)) for subject in config.subjects]
    found += [(label, line) for label, line in lines if line]
    width = max((len(label) for label, _ in found), default=0)
    told = [f"{label:{width}}  {text}" for label, text in found]
    failed = [one for one in failures(root) if one.subject in config.subjects]
    told += [f"failed: {one.subject}, {one.job}: {one.reason} ({root / one.log})" for one in failed]
    table = root / "tables" / "metrics.csv"
    return [*told, "", *metric_table(table, list(config.subjects))] if table.is_file() else told


def verdict(folder: Path) -> str:
    """The line of the stage capture about a subject's clip; empty where it has not been made."""
    try:
        return str(read_json(SubjectFolder(folder).capture, "capture")["line"])
    except (ArtefactError, KeyError, TypeError, ValueError):
        return ""


def metric_table(path: Path, subjects: Sequence[str]) -> list[str]:
    """The rows of tables/metrics.csv for some subjects, one line per subject, split and method; region `full`.

    A metric that was measured for none of them has no column; a single missing value shows as a dash.
    """
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["subject"] in subjects and row["region"] == REGION]
    values: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in rows:
        if row["value"] not in ("", "nan"):
            key = (row["subject"], row["split"], row["method"])
            values.setdefault(key, {})[row["metric"]] = float(row["value"])
    metrics = [metric for metric in METRICS if any(metric in one for one in values.values())]
    head = ("subject", "split", "method", *metrics)
    body = [
        (*key, *(f"{one[metric]:.{2 if metric == 'psnr' else 4}f}" if metric in one else "-" for metric in metrics))
        for key, one in values.items()
    ]
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    return ["  ".join(_aligned(line, widths)) for line in (head, *body)]


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Names to the left, numbers to the right."""
    return [
        cell.ljust(width) if number < 3 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
