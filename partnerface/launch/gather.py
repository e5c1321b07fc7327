"""What is there in spite of a failure: one failing subject must not cost the others their tables and their report."""

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

#: What Snakemake writes to its log when a person or a scheduler stops it.
STOPPED = ("Will exit after finishing", "Terminating processes on user request", "Cancelling snakemake on user request")


def gather(results: str, logs: Sequence[str], flags: str = "") -> None:
    """Make the tables and the report of the runs that are evaluated, after a failure that left the rules without input.

    Args:
        results: the results folder. logs: Snakemake's own of this run. flags: of the report, quoted for a shell.
    """
    told = "".join(Path(log).read_text(errors="replace") for log in logs if Path(log).is_file())
    evaluated = any(any(Path(results).glob(f"*/{run}/metrics.csv")) for run in ("*", "*/seed*"))
    if any(line in told for line in STOPPED) or not evaluated:
        return
    for words in (["tables", results], ["report", results, *shlex.split(flags)]):
        # Their own lines say what is wrong, where something is.
        subprocess.run(["python", "-m", "partnerface", *words], check=False)
