"""Guard files that the kernel frees when their holders die, beside Snakemake's lock, which outlives a kill -9.

Every launcher (also a bare `snakemake`) shares one of the working folder, and every stage that it starts another one.
Who gets both for himself alone knows that nobody else is at work, so a lock of Snakemake's that lies there is a dead
one's. Jobs that a dead launcher left on a cluster are no reason to wait: they are ended before new ones are sent.
"""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from partnerface.launch import orphans

#: Tells a stage which guard its launcher wants it to share.
VARIABLE = "PARTNERFACE_GUARD"
LAUNCHERS, STAGES = "partnerface.guard", "partnerface.stages"
_held: list[IO[str]] = []


def hold(folder: Path) -> bool:
    """Share the guard of a working folder until this process ends; clear a dead run's lock when nobody else is at work.

    Args:
        folder: the folder that Snakemake works in, the parent of `.snakemake`.

    Returns:
        Whether this process was alone.
    """
    notes = Path(folder).resolve() / ".snakemake"
    notes.mkdir(parents=True, exist_ok=True)
    launchers = open(notes / LAUNCHERS, "a")  # noqa: SIM115 - held until the process ends
    alone = _free(launchers) and (stages_are_done(folder) or bool(orphans.find(notes.parent)))
    if alone:
        shutil.rmtree(notes / "locks", ignore_errors=True)
    fcntl.flock(launchers, fcntl.LOCK_SH)
    _held.append(launchers)
    os.environ[VARIABLE] = str(notes / STAGES)
    return alone


def stages_are_done(folder: Path) -> bool:
    """Whether no stage that a launcher of this folder has started is alive."""
    with open(Path(folder).resolve() / ".snakemake" / STAGES, "a") as stages:
        return _free(stages)


def _free(file: IO[str]) -> bool:
    """Whether nobody shares a guard; it is this process's own until the file is closed or shared."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def join() -> None:
    """Share the guard of the stages, if a launcher started this process.

    A stage may outlive its launcher; as long as it does, the folder counts as busy.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    with contextlib.suppress(OSError):
        file = open(path, "a")  # noqa: SIM115 - held until the process ends
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        _held.append(file)
