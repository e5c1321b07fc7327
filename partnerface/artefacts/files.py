"""Atomic writing, stamps and checks.

An artefact `X` has a stamp beside it, `X.stamp.json`: format version, the stage that wrote it, size and SHA-256 of its
bytes, hashes of its inputs, parameters and the package's version. The artefact is renamed into place first, the stamp
second, so whatever a kill leaves behind is either whole or detected.
"""

import contextlib
import glob
import hashlib
import itertools
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from partnerface import __version__
from partnerface.errors import ArtefactError, InputError

FORMAT_VERSION = 1
STAMP_SUFFIX = ".stamp.json"
#: The folders in which Snakemake keeps what it fetches from object storage.
STORAGE = (".snakemake", "storage")


def stamp_path(path: Path) -> Path:
    """Where the stamp of the artefact `path` lies."""
    return path.with_name(path.name + STAMP_SUFFIX)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; of a folder, that of its files' names and digests."""
    if Path(path).is_dir():
        lines = [f"{digest(item)} {item.name}\n" for item in sorted(Path(path).iterdir()) if item.is_file()]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary name in the folder of `path`, renamed to `path` on success and removed on failure.

    The temporary name keeps the suffix, since writers such as ffmpeg and numpy choose the format by it.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # What a killed writer of this very file left: a file has one writer at a time.
        for leftover in path.parent.glob(f".{glob.escape(path.stem)}.{'?' * 8}{glob.escape(path.suffix)}"):
            leftover.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; choose a results folder that you may write to"
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_stamp(path: Path) -> dict[str, Any]:
    """The stamp of an artefact; raises ArtefactError when there is none that can be read."""
    try:
        return json.loads(stamp_path(path).read_text())
    except (OSError, ValueError):
        raise ArtefactError(f"{path} has no readable stamp; delete it and run its stage again") from None


@contextlib.contextmanager
def write(
    path: Path, stage: str, inputs: Sequence[Path] = (), params: Mapping[str, Any] | None = None
) -> Iterator[Path]:
    """Write an artefact atomically and stamp it.

    Args:
        path: the artefact's final name.
        stage: the stage that writes it; named in the message when it is found damaged later.
        inputs: files that went in; their hashes are taken from their stamps, or computed.
        params: settings that went in (JSON types).

    Yields:
        A temporary path to write to, with the suffix of `path`.
    """
    path = Path(path)
    # The old stamp goes first: a kill between the two renames must not leave a stamp that speaks of another file.
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        stamp_path(path).unlink()
    with atomic(path) as temporary:
        yield temporary
    _write_stamp(path, stage, {Path(item).name: _known_digest(Path(item)) for item in inputs}, dict(params or {}))


def _write_stamp(path: Path, stage: str, inputs: dict[str, str], params: dict[str, Any]) -> None:
    stamp = {
        "format": FORMAT_VERSION,
        "stage": stage,
        "bytes": path.stat().st_size,
        "sha256": digest(path),
        "inputs": inputs,
        "params": params,
        "version": __version__,
    }
    with atomic(stamp_path(path)) as temporary:
        temporary.write_text(json.dumps(stamp, indent=1, sort_keys=True) + "\n")


def _adopt(path: Path, stage: str) -> None:
    """Stamp what Snakemake has fetched from object storage.

    It carries what the rules declare, and stamps are not among that. An object is whole, or not there.
    """
    parts = path.absolute().parts
    stored = any(pair == STORAGE for pair in itertools.pairwise(parts))
    if stored and path.is_file():
        known = stamp_path(path).is_file() and json.loads(stamp_path(path).read_text())
        if not known or known["bytes"] != path.stat().st_size or known["sha256"] != digest(path):
            _write_stamp(path, stage, {}, {})


def _known_digest(path: Path) -> str:
    return read_stamp(path)["sha256"] if stamp_path(path).exists() else digest(path)


def check(path: Path, stage: str) -> Path:
    """Make sure that an artefact is there and whole.

    Args:
        path: the artefact.
        stage: the stage that makes it, named in the error.

    Raises:
        ArtefactError: it is missing, truncated, altered, or of another format version.
    """
    path = Path(path)
    _adopt(path, stage)
    again = f"run `partnerface {stage}` again"
    if not path.is_file():
        raise ArtefactError(f"{path} is missing; {again}")
    if not stamp_path(path).is_file():
        raise ArtefactError(f"{path} has no stamp, so its writing was interrupted; {again}")
    stamp = read_stamp(path)
    if stamp.get("format") != FORMAT_VERSION:
        raise ArtefactError(f"{path} has format {stamp.get('format')}, this version reads {FORMAT_VERSION}; {again}")
    if path.stat().st_size != stamp["bytes"] or digest(path) != stamp["sha256"]:
        raise ArtefactError(f"{path} is damaged (its bytes differ from its stamp); {again}")
    return path


def write_npz(
    path: Path, arrays: Mapping[str, np.ndarray], stage: str, inputs: Sequence[Path] = (), **params: Any
) -> None:
    """Write arrays by name as one stamped .npz."""
    with write(path, stage, inputs, params) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path, stage: str) -> dict[str, np.ndarray]:
    """Read a stamped .npz, without pickles."""
    with np.load(check(path, stage), allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def write_json(path: Path, value: Any, stage: str, inputs: Sequence[Path] = (), **params: Any) -> None:
    """Write a stamped JSON file."""
    with write(path, stage, inputs, params) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n")


def read_json(path: Path, stage: str) -> Any:
    """Read a stamped JSON file."""
    return json.loads(check(path, stage).read_text())
