"""Large arrays on disk: written and read item by item, so that RAM never holds a whole clip."""

import contextlib
import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts.files import check
from partnerface.errors import ArtefactError


@contextlib.contextmanager
def npy_writer(path: Path, shape: tuple[int, ...], dtype: Any) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a .npy of the given shape one item of its first axis at a time.

    The file is written in order rather than through a memory map: on a full disk a map would end the process with a
    bus error, where this raises OSError.

    Args:
        path: the (temporary) file.
        shape: shape of the whole array; exactly `shape[0]` items have to follow.
        dtype: its type.

    Yields:
        A function that appends one item of shape `shape[1:]`.

    Raises:
        ValueError: an item has another shape, or there are too few or too many.
    """
    kind, count = np.dtype(dtype), 0
    with open(path, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(file, header)

        def append(item: np.ndarray) -> None:
            nonlocal count
            if item.shape != tuple(shape[1:]) or count >= shape[0]:
                raise ValueError(f"item {count} of shape {item.shape} does not fit an array of shape {shape}")
            file.write(np.ascontiguousarray(item, dtype=kind).tobytes())
            count += 1

        yield append
    if count != shape[0]:
        raise ValueError(f"{count} items were written to an array of shape {shape}")


class StoredArray:
    """An array on disk that is read an item of its first axis at a time, as a sequence of arrays.

    Unlike a memory map it leaves nothing behind in the process: mapped pages count as its memory until the system wants
    them back, which on a cluster means that a job is ended for the length of its clip.

    Attributes:
        shape, dtype, ndim: of the whole.
    """

    def __init__(self, path: Path):
        self._file = open(path, "rb")  # noqa: SIM115 -- it stays open as long as the array lives
        version = np.lib.format.read_magic(self._file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, self.dtype = read(self._file)
        if by_columns or self.dtype.hasobject or not shape:
            raise ValueError(f"{path} is no array of items in rows")
        self.shape: tuple[int, ...] = tuple(shape)
        self._start = self._file.tell()
        self._bytes = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        self._order: np.ndarray | None = None

    def rearranged(self, index: np.ndarray) -> "StoredArray":
        """The same file with its items in another order, (n,) numbers of items, each as often as it is named."""
        other = copy.copy(self)
        other._order = np.arange(len(self))[index] if self._order is None else self._order[index]
        other.shape = (len(other._order), *self.shape[1:])
        return other

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._item(index) for index in range(len(self)))

    def _item(self, index: int) -> np.ndarray:
        if self._order is not None:
            index = int(self._order[index])
        data = os.pread(self._file.fileno(), self._bytes, self._start + index * self._bytes)
        return np.frombuffer(data, self.dtype).reshape(self.shape[1:])

    def __getitem__(self, key: Any) -> np.ndarray:
        """As NumPy's: items by number, slice, mask or list, and behind these further axes (`a[items, rows, columns]`).

        What is asked for is copied, so a slice of a long clip takes the memory of that slice.
        """
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        if isinstance(first, int | np.integer):
            number = int(first)
            if not -len(self) <= number < len(self):
                raise IndexError(f"item {number} of an array of {len(self)}")
            item = self._item(number % len(self))
            return item[rest] if rest else item
        index = np.arange(len(self))[first]
        needed, place = np.unique(index, return_inverse=True)
        items = np.zeros((len(needed), *self.shape[1:]), self.dtype)
        for slot, k in enumerate(needed):
            items[slot] = self._item(int(k))
        return items[(place.reshape(index.shape), *rest)]

    # Without these `array == 0` would be a plain False, and `0 in array` too.
    def __eq__(self, other: object) -> bool:
        raise TypeError("an array on disk can't be compared; read items of it, as in array[:]")

    def __contains__(self, value: object) -> bool:
        raise TypeError("an array on disk can't be searched; read items of it, as in array[:]")

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)


#: Frames of a clip, in memory or on disk.
ClipArray = np.ndarray | StoredArray


def open_npy(path: Path, stage: str) -> StoredArray:
    """A stamped .npy, read item by item; raises ArtefactError, naming the stage to rerun, when it is damaged."""
    try:
        return StoredArray(check(path, stage))
    except ValueError:
        raise ArtefactError(f"{path} is not an array file; run `partnerface {stage}` again") from None
