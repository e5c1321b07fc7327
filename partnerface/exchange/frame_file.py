"""`.frame` files: what `torch.save` makes of a dict of numpy arrays, read without running anything that is in them.

Such a file is a pickle, and a pickle is a program. Here its operations are looked at before any is carried out, the few
names that it may call stand for functions of ours, and arrays are made from checked bytes by ourselves, so that neither
torch nor numpy's own unpickling ever sees what a stranger wrote.
"""

import io
import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError

#: A real one has 10 kB; with a 5143-vertex offset 100 kB.
MOST_BYTES = 16 << 20
#: Places in the pickle's memo: a single forged number would otherwise ask for gigabytes.
MOST_PLACES = 100_000
#: How deep dicts, lists and tuples may lie in one another, and how many values there may be in all.
MOST_DEPTH, MOST_VALUES = 8, 100_000
#: What starts the form that torch wrote before 1.6: three short pickles, then the payload's.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
#: Names of opcodes that numbers, text, bytes, containers and calls by name are made of.
OPCODES = frozenset(
    (
        *("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP", "NONE", "NEWTRUE", "NEWFALSE"),
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("SHORT_BINSTRING", "BINSTRING", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"),
        *("EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID"),
    )
)
#: Kinds of numbers that may stand in an array: bool, integers, floating point. No objects, no records, no text.
KINDS = "biuf"


def read_frame(path: Path) -> dict[str, Any]:
    """The content of a `.frame` file: dicts, lists, numbers, text and numpy arrays.

    Raises:
        InputError: it is no such file, is too large, or holds anything else.
    """
    try:
        data = _payload(Path(path))
        _look_through(data)
        value = _settle(_Reader(io.BytesIO(data), encoding="latin1").load(), 0, [MOST_VALUES])
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except _RefusedError as error:
        raise InputError(f"{path} is refused: {error}; a tracker's .frame holds numbers only") from None
    except Exception as error:  # damaged bytes make the unpickler raise almost anything
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(f"{path} is no .frame file that can be read ({reason}); copy it again") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is no tracker's .frame file: it holds no dict")
    return value


class _RefusedError(Exception):
    """Something in the file is not allowed."""


def _payload(path: Path) -> bytes:
    """The bytes from the payload's pickle on, of torch's zip or of its older form."""
    if path.stat().st_size > MOST_BYTES:
        raise _RefusedError(f"it has {path.stat().st_size} bytes, at most {MOST_BYTES} are read")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            inside = [item for item in archive.infolist() if item.filename.rsplit("/", 1)[-1] == "data.pkl"]
            if len(inside) != 1:
                raise _RefusedError("it is a zip without one data.pkl")
            if inside[0].file_size > MOST_BYTES:
                raise _RefusedError(f"its data.pkl unpacks to more than {MOST_BYTES} bytes")
            with archive.open(inside[0]) as file:
                return file.read(MOST_BYTES)
    data = path.read_bytes()
    stream = io.BytesIO(data)
    for number, expected in enumerate((LEGACY_MAGIC, None, None)):  # magic number, protocol version, machine
        start = stream.tell()
        for _ in pickletools.genops(stream):
            pass
        _look_through(data[start : stream.tell()])
        head = _Reader(io.BytesIO(data[start : stream.tell()]), encoding="latin1").load()
        if number == 0 and head != expected:
            raise _RefusedError("it does not begin as torch's files do")
    return data[stream.tell() :]


def _look_through(data: bytes) -> None:
    """Raise where the pickle uses an opcode that arrays and containers don't need, or a place far out in its memo."""
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name not in OPCODES:
            raise _RefusedError(f"it uses the pickle opcode {opcode.name}")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) >= MOST_PLACES:
            raise _RefusedError("it asks for too much memory")


class _Type:
    """Stands for numpy.dtype while it is read."""

    def __init__(self, text: Any = "", *_: Any):
        self.text, self.order = str(text), "="

    def __setstate__(self, state: Any) -> None:
        self.order = {"<": "<", ">": ">"}.get(str(state[1]), "=")

    def get(self) -> np.dtype:
        if len(self.text) not in (2, 3) or self.text[0] not in KINDS or not self.text[1:].isdigit():
            raise _RefusedError(f"it holds values of the type {self.text!r}")
        return np.dtype(self.order + self.text)


class _Array:
    """Stands for numpy.ndarray while it is read."""

    def __init__(self, *_: Any):
        self.value: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, data = state
        self.value = _made(tuple(shape), kind, data, "F" if by_columns else "C")


def _made(shape: tuple, kind: Any, data: Any, order: Any = "C") -> np.ndarray:
    if not isinstance(kind, _Type) or not isinstance(data, bytes):
        raise _RefusedError("it holds an array of objects")
    dtype = kind.get()
    if not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 8:
        raise _RefusedError("it holds an array of an impossible shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise _RefusedError("it holds an array whose bytes do not fit its shape")
    # Bytes in the machine's own order from here on, and memory of our own.
    return np.frombuffer(data, dtype).reshape(shape, order=order).astype(dtype.newbyteorder("="))


def _scalar(kind: Any, data: Any) -> Any:
    return _made((), kind, data).item()


def _encode(text: Any, name: Any) -> bytes:
    """How protocol 2 writes bytes: as text in Latin 1."""
    if name not in ("latin1", "latin-1"):
        raise _RefusedError(f"it encodes text as {name!r}")
    return str(text).encode("latin1")


#: What a pickle of numpy arrays calls, by module and name (numpy renamed its own modules in 2.0).
_NAMES: dict[tuple[str, str], Callable] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
}


class _Reader(pickle.Unpickler):
    """Knows the names above and no others."""

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in _NAMES:
            what = "torch tensors" if module.startswith("torch") else f"{module}.{name}"[:80]
            raise _RefusedError(f"it asks for {what}")
        return _NAMES[module, name]

    def persistent_load(self, pid: Any, /) -> Any:
        raise _RefusedError("it asks for torch tensors")


def _settle(value: Any, depth: int, left: list[int]) -> Any:
    """What was read with numpy arrays for their stand-ins; raises for anything but containers, numbers and text."""
    left[0] -= 1
    if depth > MOST_DEPTH or left[0] < 0:
        raise _RefusedError("it holds too much")
    if isinstance(value, _Array):
        if value.value is None:
            raise _RefusedError("it holds an array without values")
        return value.value
    if isinstance(value, dict):
        return {str(key): _settle(item, depth + 1, left) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_settle(item, depth + 1, left) for item in value]
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise _RefusedError(f"it holds a {type(value).__name__}")
