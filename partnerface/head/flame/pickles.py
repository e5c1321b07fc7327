"""Pickles and array files of others, read without running anything that they name.

FLAME's files are pickles of Python 2: dictionaries of NumPy arrays, a SciPy matrix and chumpy's arrays. Every name that
such a file may hold stands in `_ALLOWED`, and stands there for a small record of ours: neither NumPy's, SciPy's nor
chumpy's own functions are ever called with what the file says, and chumpy is not needed. A name that is not listed ends
the reading. The operations of a file are looked through before the first is carried out, so that what it claims about
sizes is known to be true.
"""

import io
import pickle
import pickletools
import re
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from partnerface.errors import InputError

#: Greatest file that is read (FLAME's have 53 MB, its largest companions some MB), and the most operations in it.
MOST_BYTES = 1 << 30
MOST_OPERATIONS = 2_000_000
#: Operations that no file of arrays needs: they call by another road than the list of names.
FORBIDDEN = ("INST", "OBJ", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER")
_KINDS = "biufSU"  # of NumPy: booleans, whole numbers, floats, texts
_DTYPE = re.compile(r"[|<>=]?(?:[biuf](?:1|2|4|8)|O8?|[SU]\d{1,4})")


class _RefusedError(Exception):
    """A sentence about what a file holds that is not read."""


class _Fixed(type):
    """Of classes that a pickle can't change: it may set attributes of all that it can name."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise _RefusedError("changes what it is read with")


class _Record(metaclass=_Fixed):
    """An object of which only the state is kept."""

    state: Any = None

    def __init__(self, *_: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Chumpy(_Record):
    """In place of chumpy's Ch, whose state holds the array under `x`."""


class _Sparse(_Record):
    """In place of SciPy's csc_matrix and csr_matrix."""

    by_columns = True


class _SparseRows(_Sparse):
    by_columns = False


class _Dtype(_Record):
    """In place of numpy.dtype: the name it is made from, and the byte order, the second item of its state."""

    def __init__(self, name: Any = "", *_: Any):
        self.name = name

    def resolved(self) -> np.dtype:
        name = self.name.decode("latin1") if isinstance(self.name, bytes) else self.name
        if not isinstance(name, str) or not _DTYPE.fullmatch(name):
            raise _RefusedError(f"holds an array of the type {str(name)[:20]!r}")
        order = self.state[1] if isinstance(self.state, tuple) and len(self.state) > 1 else "="
        order = order.decode("latin1") if isinstance(order, bytes) else order
        return np.dtype(name).newbyteorder(order if order in ("<", ">") else "=")


class _Array(_Record):
    """In place of numpy.ndarray: state (version, shape, dtype, by columns, bytes or list)."""

    def resolved(self, plain: "_Plain") -> Any:
        if not (isinstance(self.state, tuple) and len(self.state) == 5):
            raise _RefusedError("holds an array without content")
        _, shape, dtype, by_columns, data = self.state
        kind = dtype.resolved() if isinstance(dtype, _Dtype) else np.dtype("O")
        if isinstance(data, list):  # of objects, as np.save writes a dictionary
            if kind.kind != "O" or _count(shape) != len(data):
                raise _RefusedError("holds an array whose shape is not that of its content")
            return [plain.of(item) for item in data] if shape else plain.of(data[0])
        data = data.encode("latin1") if isinstance(data, str) else data
        return _array(data, kind, shape, bool(by_columns))


class _Scalar(_Record):
    """In place of numpy.core.multiarray.scalar."""

    def __init__(self, dtype: Any = None, data: Any = b"", *_: Any):
        self.dtype, self.data = dtype, data

    def resolved(self, _: "_Plain") -> Any:
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        if not isinstance(self.dtype, _Dtype):
            raise _RefusedError("holds a number without a type")
        return _array(data, self.dtype.resolved(), (), False)[()]


class _Buffer(_Record):
    """In place of numpy.core.numeric._frombuffer, of protocol 5: bytes, dtype, shape, order."""

    def __init__(self, data: Any = b"", dtype: Any = None, shape: Any = (), order: Any = "C", *_: Any):
        self.parts = data, dtype, shape, order

    def resolved(self, _: "_Plain") -> np.ndarray:
        data, dtype, shape, order = self.parts
        if not isinstance(dtype, _Dtype):
            raise _RefusedError("holds an array without a type")
        return _array(data, dtype.resolved(), shape, order == "F")


class _Made(metaclass=_Fixed):
    """In place of the functions that make an object of a class: an object of the class's stand-in."""

    def __new__(cls, kind: Any = None, *_: Any):
        if not (isinstance(kind, type) and issubclass(kind, _Record)):
            raise _RefusedError("makes an object of a class that is not allowed")
        return kind()


class _Bytes(metaclass=_Fixed):
    """In place of _codecs.encode and bytes, with which Python 3 writes bytes into old protocols."""

    def __new__(cls, text: Any = "", encoding: Any = "latin1", *_: Any):
        if isinstance(text, bytes | bytearray):
            return bytes(text)
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise _RefusedError("holds bytes in an unknown encoding")
        return text.encode("latin1")


class _Set(metaclass=_Fixed):
    """In place of set: nothing that is read lies in one."""

    def __new__(cls, *_: Any):
        return ()


class _Dict(metaclass=_Fixed):
    """In place of collections.OrderedDict."""

    def __new__(cls, items: Any = (), *_: Any):
        made: dict[Any, Any] = {}
        _fill(made, [part for item in items for part in item])
        return made


_ALLOWED: dict[tuple[str, str], Any] = {
    **{(core + ".multiarray", "_reconstruct"): _Made for core in ("numpy.core", "numpy._core")},
    **{(core + ".multiarray", "scalar"): _Scalar for core in ("numpy.core", "numpy._core")},
    **{(core + ".numeric", "_frombuffer"): _Buffer for core in ("numpy.core", "numpy._core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    **{(f"scipy.sparse.{dash}csc", "csc_matrix"): _Sparse for dash in ("", "_")},
    **{(f"scipy.sparse.{dash}csr", "csr_matrix"): _SparseRows for dash in ("", "_")},
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy", "Ch"): _Chumpy,
    **{(module, "_reconstructor"): _Made for module in ("copy_reg", "copyreg")},
    **{(module, "object"): _Record for module in ("__builtin__", "builtins")},
    **{(module, "set"): _Set for module in ("__builtin__", "builtins")},
    **{(module, name): _Bytes for module in ("__builtin__", "builtins") for name in ("bytes", "bytearray")},
    ("_codecs", "encode"): _Bytes,
    ("collections", "OrderedDict"): _Dict,
}


class _Reader(pickle._Unpickler):
    """Knows the listed names only, and hashes nothing but texts and numbers.

    It is the form of `pickle.Unpickler` that is written in Python, whose operations can be replaced: the hash of tuples
    in tuples overflows the stack of the other.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(f"names {module}.{name}, which no file of arrays needs") from None

    def _set_items(self) -> None:
        items = self.pop_mark()  # type: ignore[attr-defined]
        _fill(self.stack[-1], items)  # type: ignore[attr-defined]

    def _set_item(self) -> None:
        stack = self.stack  # type: ignore[attr-defined]
        value, key = stack.pop(), stack.pop()
        _fill(stack[-1], [key, value])

    def _dict(self) -> None:
        made: dict[Any, Any] = {}
        _fill(made, self.pop_mark())  # type: ignore[attr-defined]
        self.append(made)  # type: ignore[attr-defined]

    # Nothing that is read lies in a set.
    def _empty_set(self) -> None:
        self.append(_Record())  # type: ignore[attr-defined]

    def _add_items(self) -> None:
        self.pop_mark()  # type: ignore[attr-defined]

    def _frozen_set(self) -> None:
        self.pop_mark()  # type: ignore[attr-defined]
        self.append(_Record())  # type: ignore[attr-defined]

    dispatch |= {
        pickle.SETITEMS[0]: _set_items,
        pickle.SETITEM[0]: _set_item,
        pickle.DICT[0]: _dict,
        pickle.EMPTY_SET[0]: _empty_set,
        pickle.ADDITEMS[0]: _add_items,
        pickle.FROZENSET[0]: _frozen_set,
    }


def _fill(target: Any, items: list[Any]) -> None:
    """Set key, value, key, value, ... in a dictionary."""
    if type(target) is not dict or not all(isinstance(key, str | bytes | int) for key in items[::2]):
        raise _RefusedError("holds a dictionary whose keys are no names")
    target.update(zip(items[::2], items[1::2], strict=True))


def read_pickle(path: Path) -> Any:
    """What a pickle holds: dictionaries, lists, numbers, texts and arrays; a SciPy matrix as a dictionary of its parts.

    Raises:
        InputError: the file can't be read, names anything but arrays, or lies about its sizes.
    """
    return unpickle(_bytes(path), path)


def unpickle(data: bytes, path: Path) -> Any:
    """As `read_pickle`, from the bytes of the file `path`."""
    try:
        _look_through(data)
        return _Plain().of(_Reader(io.BytesIO(data), fix_imports=False, encoding="latin1").load())
    except _RefusedError as error:
        raise InputError(
            f"{path} {error}, so it is not loaded; get the file from its maker, flame.is.tue.mpg.de"
        ) from None
    except Exception as error:  # foreign bytes make the reader fail in any of a dozen ways
        raise InputError(f"{path} can't be read as a pickle ({type(error).__name__}); get it again") from None


def read_npy(path: Path) -> Any:
    """The array of a .npy file, or what it wraps where it is a pickled dictionary; raises InputError."""
    return _npy(_bytes(path), path)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file by name; raises InputError."""
    try:
        with zipfile.ZipFile(io.BytesIO(_bytes(path))) as file:
            if sum(item.file_size for item in file.infolist()) > MOST_BYTES:
                raise InputError(f"{path} unpacks to more than {MOST_BYTES >> 20} MiB; get it again")
            return {name.removesuffix(".npy"): _npy(file.read(name), path) for name in file.namelist()}
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, OSError, ValueError):
        raise InputError(f"{path} can't be read as an .npz file; get it again") from None


def _bytes(path: Path) -> bytes:
    try:
        size = Path(path).stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"{path} has {size >> 20} MiB, more than any file of FLAME; give the path of the model")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}); give the path of the model") from None


def _look_through(data: bytes) -> None:
    """Walk over the operations without carrying any out; lengths that the bytes don't back up end it."""
    for number, (operation, argument, _) in enumerate(pickletools.genops(data)):
        if operation.name in FORBIDDEN:
            raise _RefusedError(f"holds the operation {operation.name}, which no file of arrays needs")
        # A memo may be made as long as the greatest index asks for.
        if operation.name.endswith("PUT") and isinstance(argument, int) and argument > number + 1:
            raise _RefusedError("claims more objects than it holds")
        if operation.name == "FRAME" and isinstance(argument, int) and argument > len(data):
            raise _RefusedError("claims more bytes than it holds")
        if number >= MOST_OPERATIONS:
            raise _RefusedError(f"holds more than {MOST_OPERATIONS} operations")


def _npy(data: bytes, path: Path) -> Any:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, kind = read(stream)
        if kind.hasobject:
            return unpickle(data[stream.tell() :], path)
        return _array(data[stream.tell() :], kind, shape, by_columns)
    except _RefusedError as error:
        raise InputError(f"{path} {error}, so it is not loaded; get it again") from None
    except (ValueError, TypeError, EOFError):
        raise InputError(f"{path} can't be read as an .npy file; get it again") from None


def _count(shape: Any) -> int:
    if not isinstance(shape, tuple) or not all(type(length) is int and length >= 0 for length in shape):
        raise _RefusedError("holds an array of impossible shape")
    out = 1
    for length in shape:
        out *= length
    return out


def _array(data: Any, kind: np.dtype, shape: Any, by_columns: bool) -> np.ndarray:
    """An array of its own from bytes, which must be as many as its shape says."""
    if kind.kind not in _KINDS:
        raise _RefusedError(f"holds an array of the type {kind}")
    if not isinstance(data, bytes | bytearray) or _count(shape) * kind.itemsize != len(data):
        raise _RefusedError("holds an array whose shape is not that of its content")
    return np.frombuffer(data, kind).reshape(shape, order="F" if by_columns else "C").astype(kind.newbyteorder("="))


class _Plain:
    """Values with our records replaced by what they stand for, each record once, however often a file refers to it."""

    def __init__(self) -> None:
        self._left, self._known = MOST_OPERATIONS, {}

    def of(self, value: Any, depth: int = 0) -> Any:
        """The plain form of a value."""
        self._left -= 1
        if depth > 20 or self._left < 0:
            raise _RefusedError("is nested without end")
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return value
        if isinstance(value, dict):
            return {_text(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)([self.of(item, depth + 1) for item in value])
        if not isinstance(value, _Record):
            raise _RefusedError(f"holds a {type(value).__name__}, which no file of arrays needs")
        if id(value) not in self._known:
            self._known[id(value)] = self._record(value, depth)
        return self._known[id(value)]

    def _record(self, value: _Record, depth: int) -> Any:
        if isinstance(value, _Array | _Scalar | _Buffer):
            return value.resolved(self)
        state = value.state if isinstance(value.state, dict) else {}
        if isinstance(value, _Chumpy):
            if "x" not in state:
                raise _RefusedError("holds a chumpy object that is no plain array")
            return self.of(state["x"], depth + 1)
        if isinstance(value, _Sparse):
            parts = {name: self.of(state.get(name), depth + 1) for name in ("data", "indices", "indptr")}
            return {"sparse": value.by_columns, "shape": self.of(state.get("_shape"), depth + 1), **parts}
        return None


def _text(key: Any) -> Any:
    return key.decode("latin1") if isinstance(key, bytes) else key
