"""From records to what they stand for: dictionaries, lists, numbers, texts, and arrays made of checked bytes."""

import math
import re
from typing import Any

import numpy as np

from partnerface.artefacts.foreign.records import (
    Array,
    Buffer,
    Bytes,
    Chumpy,
    Dtype,
    Record,
    RefusedError,
    Scalar,
    Sparse,
)

#: Most operations in a pickle, and most values in what it holds: a few bytes can stand for milliards of them.
MOST_OPERATIONS = 2_000_000
#: How deep dictionaries, lists and records may lie in one another.
MOST_DEPTH = 20
_KINDS = "biufSU"  # of NumPy: booleans, whole numbers, floats, texts
_DTYPE = re.compile(r"[|<>=]?(?:[biuf](?:1|2|4|8)|O8?|[SU]\d{1,4})")


class Plain:
    """Values with our records replaced by what they stand for, each record once, however often a file refers to it.

    Args:
        size: bytes of the file; its arrays can't have more.
    """

    def __init__(self, size: int) -> None:
        self._left, self._bytes_left, self._known = MOST_OPERATIONS, size, {}

    def of(self, value: Any, depth: int = 0) -> Any:
        """The plain form of a value."""
        self._left -= 1
        if depth > MOST_DEPTH or self._left < 0:
            raise RefusedError("is nested without end")
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return value
        if isinstance(value, dict):
            return {_text(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)([self.of(item, depth + 1) for item in value])
        if not isinstance(value, Record):
            raise RefusedError(f"holds a {type(value).__name__}, which no file of arrays needs")
        if id(value) not in self._known:
            self._known[id(value)] = self._record(value, depth)
        return self._known[id(value)]

    def _record(self, value: Record, depth: int) -> Any:
        if isinstance(value, Array):
            return self._array(value, depth)
        if isinstance(value, Scalar):
            return self._made(value.data, value.dtype, (), False).item()
        if isinstance(value, Buffer):
            return self._made(value.data, value.dtype, value.shape, value.order == "F")
        if isinstance(value, Bytes):
            return self._bytes(value)
        state = value.state if isinstance(value.state, dict) else {}
        if isinstance(value, Chumpy):
            if "x" not in state:
                raise RefusedError("holds a chumpy object that is no plain array")
            return self.of(state["x"], depth + 1)
        if isinstance(value, Sparse):
            parts = {name: self.of(state.get(name), depth + 1) for name in ("data", "indices", "indptr")}
            return {"sparse": value.by_columns, "shape": self.of(state.get("_shape"), depth + 1), **parts}
        return None

    def _array(self, value: Array, depth: int) -> Any:
        if not (isinstance(value.state, tuple) and len(value.state) == 5):
            raise RefusedError("holds an array without content")
        _, shape, dtype, by_columns, data = value.state
        if not isinstance(data, list):
            return self._made(data, dtype, shape, bool(by_columns))
        # Of objects, as np.save writes a dictionary.
        if _kind(dtype).kind != "O" or _count(shape) != len(data):
            raise RefusedError("holds an array whose shape is not that of its content")
        items = [self.of(item, depth + 1) for item in data]
        return items if shape else items[0]

    def _made(self, data: Any, dtype: Any, shape: Any, by_columns: bool) -> np.ndarray:
        return array(self._bytes(data), _kind(dtype), shape, by_columns)

    def _bytes(self, data: Any) -> bytes:
        data = data.text if isinstance(data, Bytes) else data
        data = data.encode("latin1") if isinstance(data, str) else data
        if not isinstance(data, bytes | bytearray):
            raise RefusedError("holds an array whose shape is not that of its content")
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise RefusedError("claims more bytes than it holds")
        return bytes(data)


def array(data: bytes, kind: np.dtype, shape: Any, by_columns: bool) -> np.ndarray:
    """An array of its own, in the machine's order of bytes, from bytes that must be as many as its shape says."""
    if kind.kind not in _KINDS:
        raise RefusedError(f"holds an array of the type {str(kind)[:40]!r}")
    if _count(shape) * kind.itemsize != len(data):
        raise RefusedError("holds an array whose shape is not that of its content")
    return np.frombuffer(data, kind).reshape(shape, order="F" if by_columns else "C").astype(kind.newbyteorder("="))


def _kind(dtype: Any) -> np.dtype:
    if not isinstance(dtype, Dtype):
        raise RefusedError("holds numbers without a type")
    name = _text(dtype.name)
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise RefusedError(f"holds an array of the type {str(name)[:40]!r}")
    order = _text(dtype.state[1]) if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else "="
    return np.dtype(name).newbyteorder(order if order in ("<", ">") else "=")


def _count(shape: Any) -> int:
    if not isinstance(shape, tuple) or not all(type(length) is int and length >= 0 for length in shape):
        raise RefusedError("holds an array of impossible shape")
    return math.prod(shape)


def _text(key: Any) -> Any:
    return key.decode("latin1") if isinstance(key, bytes) else key
