"""Jobs that a launcher left on a Slurm cluster when it was killed.

They go on without it, and a new launcher, which knows nothing of them, would send the same work again: two jobs would
write the same files.
"""

import shutil
import subprocess
import time
from pathlib import Path

#: What the executor plugin calls its jobs in their comments.
MARK = "rule_"
PATIENCE_S = 300


def find(folder: Path) -> list[str]:
    """Numbers of this user's jobs, waiting or running, that were sent from a folder for a rule of Snakemake's.

    Empty where there is no Slurm, or where it does not answer.
    """
    if shutil.which("squeue") is None:
        return []
    try:
        told = subprocess.run(
            ["squeue", "--me", "--noheader", "--format=%i\t%Z\t%k"], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    jobs = [line.split("\t") for line in told.stdout.splitlines() if line.count("\t") == 2]
    here = str(Path(folder).resolve())
    return [number for number, place, comment in jobs if place == here and comment.startswith(MARK)]


def end(folder: Path) -> int:
    """Cancel those jobs and wait until they are gone; a training among them writes its state when it is told.

    Returns:
        How many there were.
    """
    jobs = find(folder)
    if not jobs:
        return 0
    print(f"partnerface: ending {len(jobs)} jobs that an earlier, killed run left on the cluster", flush=True)
    subprocess.run(["scancel", *jobs], check=False)
    until = time.monotonic() + PATIENCE_S
    while find(folder) and time.monotonic() < until:
        time.sleep(1)
    return len(jobs)
