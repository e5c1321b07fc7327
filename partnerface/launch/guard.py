"""A guard file that the kernel frees when its holder dies, beside Snakemake's lock, which outlives a kill -9.

Every launcher (also a bare `snakemake`) and every stage that it starts share the guard of the working folder. Who
gets it for himself alone knows that nobody else is at work, so a lock of Snakemake's that lies there is a dead one's.
"""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

#: Tells a stage which guard its launcher holds.
VARIABLE = "PARTNERFACE_GUARD"
_held: list[IO[str]] = []


def hold(folder: Path) -> bool:
    """Share the guard of a working folder until this process ends; clear a dead run's lock when nobody else holds it.

    Args:
        folder: the folder that Snakemake works in, the parent of `.snakemake`.

    Returns:
        Whether this process was alone.
    """
    path = Path(folder).resolve() / ".snakemake" / "partnerface.guard"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a")  # noqa: SIM115 - held until the process ends
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
        shutil.rmtree(path.with_name("locks"), ignore_errors=True)
    except BlockingIOError:
        alone = False
    fcntl.flock(file, fcntl.LOCK_SH)
    _held.append(file)
    os.environ[VARIABLE] = str(path)
    return alone


def join() -> None:
    """Share the guard of the launcher that started this process, if one did.

    A stage may outlive its launcher; as long as it does, the folder counts as busy.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    with contextlib.suppress(OSError):
        file = open(path, "a")  # noqa: SIM115 - held until the process ends
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        _held.append(file)
