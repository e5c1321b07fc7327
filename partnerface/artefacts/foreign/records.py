"""What the names in a pickle stand for: records that keep what the file says, until all of it is there."""

from typing import Any


class RefusedError(Exception):
    """What a file does that no file of arrays needs: a verb and what follows it."""


class _Fixed(type):
    """Of classes that a pickle can't change: it may set attributes of all that it can name."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise RefusedError("changes what it is read with")


class Record(metaclass=_Fixed):
    """An object of which only the state is kept."""

    state: Any = None

    def __init__(self, *_: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Chumpy(Record):
    """In place of chumpy's Ch, whose state holds the array under `x`."""


class Sparse(Record):
    """In place of SciPy's csc_matrix and csr_matrix."""

    by_columns = True


class SparseRows(Sparse):
    """The second of them."""

    by_columns = False


class Dtype(Record):
    """In place of numpy.dtype: the name it is made from, and the byte order, the second item of its state."""

    def __init__(self, name: Any = "", *_: Any):
        self.name = name


class Array(Record):
    """In place of numpy.ndarray: state (version, shape, dtype, by columns, bytes or list)."""


class Scalar(Record):
    """In place of numpy.core.multiarray.scalar."""

    def __init__(self, dtype: Any = None, data: Any = b"", *_: Any):
        self.dtype, self.data = dtype, data


class Buffer(Record):
    """In place of numpy.core.numeric._frombuffer, of protocol 5: bytes, dtype, shape, order."""

    def __init__(self, data: Any = b"", dtype: Any = None, shape: Any = (), order: Any = "C", *_: Any):
        self.data, self.dtype, self.shape, self.order = data, dtype, shape, order


class Bytes(Record):
    """In place of _codecs.encode and bytes, with which Python 3 writes bytes into old protocols.

    Encoded later, when it is known how often: a few bytes of a file may ask for it again and again.
    """

    def __init__(self, text: Any = "", encoding: Any = "latin1", *_: Any):
        if not isinstance(text, str | bytes | bytearray) or encoding not in ("latin1", "latin-1"):
            raise RefusedError("holds bytes in an unknown encoding")
        self.text = text


class _Made(metaclass=_Fixed):
    """In place of the functions that make an object of a class: an object of the class's stand-in."""

    def __new__(cls, kind: Any = None, *_: Any):
        if kind not in (Record, Array, Sparse, SparseRows, Chumpy):
            raise RefusedError("makes an object of a class that is not allowed")
        return kind()


class _Set(metaclass=_Fixed):
    """In place of set: nothing that is read lies in one."""

    def __new__(cls, *_: Any):
        return ()


class _Dict(metaclass=_Fixed):
    """In place of collections.OrderedDict."""

    def __new__(cls, items: Any = (), *_: Any):
        made: dict[Any, Any] = {}
        fill(made, [part for key, value in items for part in (key, value)])
        if items:
            items.clear()  # used up: a second dictionary of the same list would be one that costs the file nothing
        return made


ALLOWED: dict[tuple[str, str], Any] = {
    **{(core + ".multiarray", "_reconstruct"): _Made for core in ("numpy.core", "numpy._core")},
    **{(core + ".multiarray", "scalar"): Scalar for core in ("numpy.core", "numpy._core")},
    **{(core + ".numeric", "_frombuffer"): Buffer for core in ("numpy.core", "numpy._core")},
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Dtype,
    **{(f"scipy.sparse.{dash}csc", "csc_matrix"): Sparse for dash in ("", "_")},
    **{(f"scipy.sparse.{dash}csr", "csr_matrix"): SparseRows for dash in ("", "_")},
    ("chumpy.ch", "Ch"): Chumpy,
    ("chumpy", "Ch"): Chumpy,
    **{(module, "_reconstructor"): _Made for module in ("copy_reg", "copyreg")},
    **{(module, "object"): Record for module in ("__builtin__", "builtins")},
    **{(module, "set"): _Set for module in ("__builtin__", "builtins")},
    **{(module, name): Bytes for module in ("__builtin__", "builtins") for name in ("bytes", "bytearray")},
    ("_codecs", "encode"): Bytes,
    ("collections", "OrderedDict"): _Dict,
}


def fill(target: Any, items: list[Any]) -> None:
    """Set key, value, key, value, ... in a dictionary; keys are texts and numbers, whose hash is harmless."""
    keys = [key.text if isinstance(key, Bytes) else key for key in items[::2]]
    if type(target) is not dict or not all(isinstance(key, str | bytes | int) for key in keys):
        raise RefusedError("holds a dictionary whose keys are no names")
    target.update(zip(keys, items[1::2], strict=True))
