"""Large arrays: written item by item, whole or not at all, and read item by item."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partnerface.artefacts import write
from partnerface.artefacts.arrays import StoredArray, npy_writer, open_npy
from partnerface.errors import ArtefactError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path, values = tmp_path / "x.npy", np.random.default_rng(0).integers(0, 255, (5, 3, 2), dtype=np.uint8)
    with write(path, "frames") as temporary, npy_writer(temporary, values.shape, "uint8") as append:
        for item in values:
            append(item)
    back = open_npy(path, "frames")
    assert (back.shape, back.dtype, back.ndim, len(back)) == ((5, 3, 2), np.uint8, 3, 5)
    np.testing.assert_array_equal(np.asarray(back), values)
    np.testing.assert_array_equal(np.stack(list(back)), values)
    np.testing.assert_array_equal(np.load(path), values)


@pytest.mark.parametrize("count", [2, 4])
def test_too_few_or_too_many_items_leave_nothing(count: int, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"

    def fill() -> None:
        with write(path, "frames") as temporary, npy_writer(temporary, (3, 4), "float32") as append:
            for _ in range(count):
                append(np.zeros(4))

    with pytest.raises(ValueError, match=r"items were written|does not fit"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_an_item_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"), npy_writer(tmp_path / "x.npy", (3, 4), "uint8") as append:
        append(np.zeros(5))


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with write(path, "frames") as temporary, npy_writer(temporary, (2, 2), "uint8") as append:
        append(np.zeros(2))
        append(np.ones(2))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match="partnerface frames"):
        open_npy(path, "frames")


def test_no_array_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with write(path, "frames") as temporary:
        temporary.write_text("no array")
    with pytest.raises(ArtefactError, match="not an array file"):
        open_npy(path, "frames")


@pytest.fixture
def stored(tmp_path: Path) -> tuple[StoredArray, np.ndarray]:
    path, values = tmp_path / "x.npy", np.random.default_rng(0).normal(size=(7, 4, 5))
    with write(path, "frames") as temporary:
        np.save(temporary, values)
    return open_npy(path, "frames"), values


@pytest.mark.parametrize(
    "key",
    [
        3, -1, np.int64(2), slice(2, 6), slice(None, None, 3), [5, 1, 1], np.array([[0, 6], [2, 2]]),
        np.array([], int), np.arange(7) % 2 == 0, (3, 1), (2, slice(1, 3), 4),
        (np.array([6, 0, 6]), np.array([3, 1, 0]), np.array([4, 4, 0])),
    ],
)  # fmt: skip
def test_items_are_numpys(key: Any, stored: tuple[StoredArray, np.ndarray]) -> None:
    array, values = stored
    np.testing.assert_array_equal(array[key], values[key])


def test_beyond_the_end(stored: tuple[StoredArray, np.ndarray]) -> None:
    with pytest.raises(IndexError):
        stored[0][7]


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with write(path, "frames") as temporary:
        np.save(temporary, np.array([{}, None], object), allow_pickle=True)
    with pytest.raises(ArtefactError, match="not an array file"):
        open_npy(path, "frames")
