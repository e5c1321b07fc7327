"""Files of arrays that others wrote: read whole, damaged ones refused in a line."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partnerface.artefacts.foreign import contents, members, read_npy, read_npz
from partnerface.errors import InputError

AGAIN = "ask its maker"
GRID = np.arange(6.0).reshape(2, 3)


class Calls:
    """Pickles to a call that writes a file."""

    def __reduce__(self) -> Any:
        return eval, ("open('HACKED', 'w')",)


def wrapped(value: Any) -> bytes:
    """A .npy with an object in it."""
    held, stream = np.empty((), object), io.BytesIO()
    held[()] = value
    np.save(stream, held, allow_pickle=True)
    return stream.getvalue()


def test_npy_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.npy"
    np.save(file, GRID)
    honest = file.read_bytes()
    assert np.array_equal(read_npy(file, AGAIN), GRID)
    file.write_bytes(wrapped({"full_lmk_faces_idx": np.arange(3)}))
    assert np.array_equal(read_npy(file, AGAIN)["full_lmk_faces_idx"], np.arange(3))
    structured = io.BytesIO()
    np.save(structured, np.zeros(2, "f4,i4"))
    for data, words in (
        (wrapped(Calls()), "eval"),
        (honest.replace(b"(2, 3), }    ", b"(9999, 9999), }"), "shape"),
        (honest.replace(b"{'descr'", b"{(descr'"), "can't be read as an .npy"),
        (structured.getvalue(), "the type"),
        (pickle.dumps(GRID), "can't be read as an .npy"),
    ):
        file.write_bytes(data)
        with pytest.raises(InputError, match=rf"a\.npy .*{words}.*; {AGAIN}$"):
            read_npy(file, AGAIN)
    assert not (tmp_path / "HACKED").exists()


def test_npz_files(tmp_path: Path):
    file = tmp_path / "a.npz"
    np.savez(file, x=GRID, y=np.arange(2))
    assert np.array_equal(read_npz(file, AGAIN)["x"], GRID)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", wrapped(Calls()))
    with pytest.raises(InputError, match="eval"):
        read_npz(file, AGAIN)
    np.savez_compressed(file, x=np.arange(1000))
    whole = file.read_bytes()
    for data in (b"PK no zip", whole[:-30], whole[:100] + bytes(200) + whole[300:]):
        file.write_bytes(data)
        with pytest.raises(InputError, match=rf"a\.npz .*; {AGAIN}$"):
            read_npz(file, AGAIN)


def test_what_is_too_large_is_not_read(tmp_path: Path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(3 << 20))
    assert len(members(stream.getvalue(), tmp_path, AGAIN, 3 << 20)["a"]) == 3 << 20
    with pytest.raises(InputError, match=f"unpacks to more than 2 MiB; {AGAIN}"):
        members(stream.getvalue(), tmp_path, AGAIN, 2 << 20)
    with open(tmp_path / "a.pkl", "wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(InputError, match="5120 MiB"):
        contents(tmp_path / "a.pkl", AGAIN)
    with pytest.raises(InputError, match="No such file"):
        contents(tmp_path / "none.pkl", AGAIN)
