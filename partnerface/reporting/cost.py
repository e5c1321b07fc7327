"""Time and memory of each stage, from Snakemake's benchmark files."""

import csv
from dataclasses import dataclass
from pathlib import Path

from partnerface.progress import clock
from partnerface.reporting.results import run_order

#: The order of the road.
STAGES = (
    "demo",
    "import",
    "frames",
    "landmarks",
    "tracking",
    "parsing",
    "capture",
    "dataset",
    "train",
    "render",
    "evaluate",
    "tables",
    "report",
)


@dataclass(frozen=True)
class Cost:
    """One job: its stage, its run (empty for a stage without one), wall time and peak memory.

    Attributes:
        seconds: wall time, of the last run of the job.
        memory_mb: greatest resident set of the process tree, MB; None where the job was too short to be sampled.
        cpu_seconds: time on all cores; None when not measured.
    """

    stage: str
    run: str
    seconds: float
    memory_mb: float | None
    cpu_seconds: float | None

    @property
    def time(self) -> str:
        """`6:12`, or `0.8 s` for what took less than ten seconds."""
        return f"{self.seconds:.1f} s" if self.seconds < 10 else clock(self.seconds)

    @property
    def memory(self) -> str:
        """`812 MB`, `2.3 GB`."""
        if self.memory_mb is None:
            return "not sampled"
        return f"{self.memory_mb:.0f} MB" if self.memory_mb < 1000 else f"{self.memory_mb / 1000:.1f} GB"


def costs(results: Path, subject: str) -> list[Cost]:
    """The jobs of a subject (`""`: those of none) in the order of the road; what can't be read is passed over."""
    folder = Path(results) / "benchmarks" / subject
    files = folder.glob("*.tsv") if subject == "" else folder.rglob("*.tsv")
    found = [cost for file in files if (cost := read_cost(file, folder)) is not None]
    return sorted(found, key=lambda cost: (STAGES.index(cost.stage), run_order(cost.run)))


def read_cost(file: Path, folder: Path) -> Cost | None:
    """One benchmark file below the folder of its subject; None where it can not be read."""
    stage, _, run = file.relative_to(folder).as_posix().removesuffix(".tsv").partition(".")
    try:
        with open(file, encoding="utf-8", newline="") as stream:
            row = list(csv.DictReader(stream, delimiter="\t"))[-1]
        seconds = float(row["s"])
    except (OSError, IndexError, KeyError, ValueError, TypeError):
        return None
    if stage not in STAGES:
        return None
    return Cost(stage, run, seconds, _number(row.get("max_rss")), _number(row.get("cpu_time")))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if value > 0 else None
