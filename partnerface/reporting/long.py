"""The long tables of results/tables/: one number per row, for programs."""

import csv
import io
from collections.abc import Iterable, Sequence

from partnerface.reporting.paired import Difference, paired_differences
from partnerface.reporting.results import Group, Mean

#: The columns of metrics.csv, intervals.csv and differences.csv.
METRICS = ("subject", "method", "split", "region", "metric", "value", "n_frames")
INTERVALS = ("subject", "method", "split", "region", "metric", "value", "low", "high", "spread", "seeds", "n_frames")
DIFFERENCES = (
    *("subject", "method", "rival", "split", "region", "metric"),
    *("value", "low", "high", "seeds", "rival_seeds", "n_frames"),
)


def metrics(groups: list[Group]) -> str:
    """The content of metrics.csv: means over frames, then over seeds."""
    return _csv(METRICS, (mean for group in groups for mean in group.means()))


def intervals(groups: list[Group]) -> str:
    """The content of intervals.csv: the same means with their intervals over frames and their spread over seeds."""
    return _csv(INTERVALS, (mean for group in groups for mean in group.means()))


def differences(groups: list[Group]) -> str:
    """The content of differences.csv: the lead minus each rival, frame by frame."""
    return _csv(DIFFERENCES, (one for group in groups for one in paired_differences(group)))


def _csv(columns: Sequence[str], rows: Iterable[Mean | Difference]) -> str:
    """Numbers to six digits; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        low, high = row.interval or (None, None)
        cells = {**vars(row), "low": low, "high": high}
        writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in map(cells.get, columns)])
    return text.getvalue()
