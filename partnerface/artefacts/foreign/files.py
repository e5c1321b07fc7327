"""The files themselves: their bytes, what a zip holds, .npy and .npz; what is wrong with one is said in one line.

Its end, `again`, comes from the caller: what the user may do, as "get it again".
"""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts.foreign.plain import array
from partnerface.artefacts.foreign.reader import content
from partnerface.artefacts.foreign.records import RefusedError
from partnerface.errors import InputError

#: Greatest file that is read: FLAME's have 53 MB.
MOST_BYTES = 1 << 30


def contents(path: Path, again: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file; raises InputError where there are more than `most`, or none."""
    try:
        size = Path(path).stat().st_size
        if size > most:
            raise InputError(f"{path} has {size >> 20} MiB, and no such file has more than {most >> 20}; {again}")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}); {again}") from None


def members(data: bytes, path: Path, again: str, most: int = MOST_BYTES) -> dict[str, bytes]:
    """The files of the zip `path`, whose bytes are given, by name; raises InputError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if sum(item.file_size for item in file.infolist()) > most:
                raise InputError(f"{path} unpacks to more than {most >> 20} MiB; {again}")
            return {name: file.read(name) for name in file.namelist()}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError):
        raise InputError(f"{path} is no zip file that can be read; {again}") from None


def unpickle(data: bytes, path: Path, again: str) -> Any:
    """What a pickle of the file `path` holds, the first where several follow one another.

    Returns:
        Dictionaries, lists, tuples, numbers, texts, bytes, and arrays with memory of their own; a SciPy matrix as a
        dictionary of its parts, an array of objects as a list.

    Raises:
        InputError: it can't be read, names anything but arrays, or lies about its sizes.
    """
    try:
        return content(data)
    except RefusedError as error:
        raise InputError(f"{path} {error}, so it is not loaded; {again}") from None
    except Exception as error:  # foreign bytes make the reader fail in any of a dozen ways
        raise InputError(f"{path} can't be read as a pickle ({type(error).__name__}); {again}") from None


def read_pickle(path: Path, again: str) -> Any:
    """As `unpickle`, of a whole file."""
    return unpickle(contents(path, again), path, again)


def read_npy(path: Path, again: str) -> Any:
    """The array of a .npy file, or what it wraps where it is a pickled dictionary; raises InputError."""
    return _npy(contents(path, again), path, again)


def read_npz(path: Path, again: str) -> dict[str, Any]:
    """The arrays of a .npz file by name; raises InputError."""
    held = members(contents(path, again), path, again)
    return {name.removesuffix(".npy"): _npy(data, path, again) for name, data in held.items()}


def _npy(data: bytes, path: Path, again: str) -> Any:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, kind = read(stream)
        if not kind.hasobject:
            return array(data[stream.tell() :], kind, shape, by_columns)
    except RefusedError as error:
        raise InputError(f"{path} {error}, so it is not loaded; {again}") from None
    except Exception:  # NumPy reads the header as a Python literal, which fails in many ways
        raise InputError(f"{path} can't be read as an .npy file; {again}") from None
    return unpickle(data[stream.tell() :], path, again)
