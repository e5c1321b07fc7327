"""Failures of the machine (disk full, no permission) as one line: what, where, how to mend."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

#: A disk with less than this left is full, whatever words the library that failed has for it.
FULL_BELOW_BYTES = 256 * 1024


def explain_system_error(error: BaseException, words: Sequence[str] = ()) -> str | None:
    """The line for a failure that the user can mend, or None when it is a bug of ours.

    Args:
        error: what was raised.
        words: the command line, whose paths tell which disks were written to.
    """
    where = getattr(error, "filename", None)
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or _is_short_write(error):
        return _full(where or _full_disk(words))
    if number in (errno.EACCES, errno.EPERM):
        return f"no permission for {where or error}; choose a folder of your own, or change the permissions"
    if number == errno.EROFS:
        return f"{where or error} lies on a read-only disk; choose a results folder that you may write to"
    if number == errno.EFBIG:
        return f"{where or error} would be larger than this machine allows (see `ulimit -f`); raise the limit"
    full = _full_disk(words)
    return _full(full) if full is not None else None


def disk_is_full(folder: Path) -> bool:
    """Whether the disk under a folder (or its nearest parent that exists) has nothing left."""
    try:
        usage = shutil.disk_usage(existing_parent(folder))
    except OSError:
        return False
    return usage.total > 0 and usage.free < FULL_BELOW_BYTES  # /proc and its like have no size at all


def existing_parent(path: Path) -> Path:
    """The path itself or the nearest folder above it that exists."""
    path = Path(os.path.abspath(path))
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _is_short_write(error: BaseException) -> bool:
    # numpy reports a full disk in words alone: "262144 requested and 12288 written".
    return isinstance(error, OSError) and error.errno is None and "requested and" in str(error)


def _full_disk(words: Sequence[str]) -> Path | None:
    paths = [Path(word) for word in words if not word.startswith("-") and Path(word).exists()]
    return next((path for path in paths if disk_is_full(path)), None)


def _full(where: object) -> str:
    place = f" while writing {where}" if where else ""
    return f"the disk is full{place}; free some space and run the same command again, it goes on from there"
