"""What a method may cost: parameters, steps, time and memory of its training."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from partnerface.reporting.cost import Cost, read_cost
from partnerface.reporting.results import Run


@dataclass(frozen=True)
class Budget:
    """Of one method; None where it is not known, or where nothing is trained.

    Attributes:
        parameters: trainable numbers.
        steps, rays: steps of training, and rays in each.
        seconds: training, mean over the seeds.
        memory_mb: greatest resident set of a training, MB.
    """

    parameters: int | None = None
    steps: int | None = None
    rays: int | None = None
    seconds: float | None = None
    memory_mb: float | None = None


def budget(runs: Sequence[Run]) -> Budget:
    """The budget of the runs of one method, from their protocols and from Snakemake's benchmark files."""
    made = [run.protocol.get("avatar", {}) for run in runs]
    trained = [facts for facts in made if facts.get("parameters")]
    jobs = [job for run in runs if (job := training(run)) is not None]
    memory = [job.memory_mb for job in jobs if job.memory_mb is not None]
    if not trained:
        return Budget()
    settings = trained[0].get("settings", {})
    seconds = [facts["seconds"] for facts in trained if "seconds" in facts]
    return Budget(
        sum(trained[0]["parameters"].values()),
        settings.get("steps"),
        settings.get("rays"),
        statistics.fmean(seconds) if seconds else None,
        max(memory, default=None),
    )


def training(run: Run) -> Cost | None:
    """Time and memory of the last job that trained a run; None where Snakemake did not run it."""
    results = Path(run.folder.root).parents[len(Path(run.name).parts)]
    folder = results / "benchmarks" / run.subject
    return read_cost(folder / f"train.{run.name}.tsv", folder)
