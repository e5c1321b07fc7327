"""Large arrays on disk: written item by item, read through a memory map, so that RAM never holds a whole clip."""

import contextlib
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


def open_npy(path: Path, stage: str) -> np.ndarray:
    """A stamped .npy as a read-only memory map; raises ArtefactError, naming the stage to rerun, when it is damaged."""
    try:
        return np.load(check(path, stage), mmap_mode="r", allow_pickle=False)
    except ValueError:
        raise ArtefactError(f"{path} is not an array file; run `partnerface {stage}` again") from None
