"""Foreign pickles: FLAME's forms are read, anything that would run is refused in a line."""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from partnerface.errors import InputError
from partnerface.head.flame.pickles import read_npy, read_npz, read_pickle
from tests.head.flame.shaped import dump

GRID = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol(protocol: int, tmp_path: Path):
    held = {
        "v": GRID,
        "columns": np.asfortranarray(GRID),
        "big": GRID.astype(">f4"),
        "f": np.array([[1, 2, 3]], np.uint32),
        "one": np.float64(2.5),
        "empty": np.zeros((0, 3)),
        "words": OrderedDict(bs_style="lbs"),
        "list": [1, (2.0, None), True],
    }
    found = read_pickle(dump(held, tmp_path / "a.pkl", protocol))
    for name in ("v", "columns", "big", "f", "empty"):
        assert np.array_equal(found[name], held[name]), name
        assert found[name].shape == held[name].shape
        assert found[name].dtype.isnative
    assert found["one"] == 2.5
    assert found["words"] == {"bs_style": "lbs"}
    assert found["list"] == [1, (2.0, None), True]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_chumpys_arrays_without_chumpy(protocol: int, tmp_path: Path):
    found = read_pickle(dump({"v_template": GRID}, tmp_path / "a.pkl", protocol, chumpy=True))
    assert np.array_equal(found["v_template"], GRID)


def test_what_python_2_wrote(tmp_path: Path):
    """Texts and bytes are one type there, and NumPy's and SciPy's modules had other names; written out by hand."""
    data = (
        b"\x80\x02}q\x01(U\x01vq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b"
        b"\x87Rq\x05(K\x01K\x02\x85cnumpy\ndtype\nq\x06U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tb\x89U\x10" + np.array([1.5, -2.0]).tobytes() + b"tbU\x01jcscipy.sparse.csc\ncsc_matrix\n)\x81}"
        b"U\x06_shapeK\x05K\x02\x86sbu."
    )
    (tmp_path / "a.pkl").write_bytes(data)
    found = read_pickle(tmp_path / "a.pkl")
    assert found["v"].tolist() == [1.5, -2.0]
    assert found["j"]["shape"] == (5, 2)


@pytest.mark.parametrize("make", [csc_matrix, csr_matrix])
def test_sparse_matrices_come_in_parts(make: Any, tmp_path: Path):
    matrix = make(np.array([[0, 2.0, 0], [1, 0, 3]]))
    found = read_pickle(dump({"J": matrix}, tmp_path / "a.pkl"))["J"]
    assert found["sparse"] is (make is csc_matrix)
    assert found["shape"] == (2, 3)
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(found[name], getattr(matrix, name))


class Calls:
    """Pickles to a call of `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def hostile() -> dict[str, bytes]:
    import os
    import subprocess

    from numpy.core.multiarray import fromfile as from_file  # type: ignore[attr-defined]

    def pickled(*items: Any, protocol: int = 2) -> bytes:
        return pickle.dumps({"v_template": Calls(*items)}, protocol=protocol)

    head, tail = b"\x80\x04", b"."
    return {
        "system": pickled(os.system, "touch HACKED"),
        "system, protocol 0": pickled(os.system, "touch HACKED", protocol=0),
        "popen": pickled(subprocess.Popen, ["touch", "HACKED"]),
        "eval": pickled(eval, "open('HACKED', 'w')"),
        "exec": pickled(exec, "open('HACKED', 'w')", protocol=4),
        "getattr": pickled(getattr, GRID, "tofile"),
        "nested getattr": head + b"\x8c\x05numpy\x8c\x0fndarray.tofile\x93" + tail,
        "numpy.load": pickled(np.load, "HACKED"),
        "numpy.fromfile": pickled(from_file, "HACKED"),
        "numpy's runner": head + b"\x8c\x12numpy.testing._priv\x8c\x09runstring\x93" + tail,
        "memmap": pickled(np.memmap, "HACKED", "float64", "w+", 0, (2,)),
        "chumpy's neighbour": head + b"\x8c\x09chumpy.ch\x8c\x04eval\x93" + tail,
        "import": head + b"\x8c\x08builtins\x8c\x0a__import__\x93\x8c\x02os\x85R" + tail,
        "instance": b"(S'touch HACKED'\nios\nsystem\n.",
        "object": b"(cos\nsystem\nS'touch HACKED'\no.",
        "extension": b"\x80\x02\x82\x01.",
        "persistent": b"\x80\x02U\x01aQ.",
        # A name of the list, with its class changed for the reader of the next file.
        "changes the reader": b"\x80\x02cnumpy\nndarray\nN}U\x0c__setstate__cnumpy\ndtype\ns\x86b.",
        "made of a function": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nc_codecs\nencode\n\x85R.",
        "state on a maker": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nN}U\x0c__defaults__Ns\x86b.",
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_files_are_refused_in_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pkl"
    path.write_bytes(hostile()[name])
    with pytest.raises(InputError) as raised:
        read_pickle(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
    assert not (tmp_path / "HACKED").exists()
    # What was tried leaves no trace in the reader.
    assert np.array_equal(read_pickle(dump({"v": GRID}, tmp_path / "good.pkl"))["v"], GRID)


def array_of(shape: tuple[int, ...], data: bytes, kind: bytes = b"f8") -> bytes:
    """A pickle of an array that claims a shape."""
    dimensions = b"(" + b"".join(pickle.dumps(length, 2)[2:-1] for length in shape) + b"t"
    content = b"T" + len(data).to_bytes(4, "little") + data
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + dimensions
        + b"cnumpy\ndtype\nU" + bytes([len(kind)]) + kind + b"K\x00K\x01\x87R\x89" + content + b"tb."
    )  # fmt: skip


def test_the_maker_of_the_next_test_makes_arrays(tmp_path: Path):
    (tmp_path / "a.pkl").write_bytes(array_of((2, 3), GRID.tobytes()))
    assert np.array_equal(read_pickle(tmp_path / "a.pkl"), GRID)


@pytest.mark.parametrize(
    "data",
    [
        array_of((10**9, 10**9), b"12345678"),
        array_of((2**62, 4), b""),  # whose product is 0 in 64 bits
        array_of((-1, 3), GRID.tobytes()),
        array_of((2, 2), GRID.tobytes()),
        array_of((6,), GRID.tobytes(), b"O"),
        array_of((1,), GRID.tobytes(), b"V48"),
        b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"x.",  # bytes that are not there
        b"\x80\x04\x96" + (2**40).to_bytes(8, "little") + b"x.",
        b"\x80\x02]r\xff\xff\xff\xff.",  # a memo of four milliards
        b"\x80\x02]q\x01h\x01ah\x01a.",  # a list that holds itself
        b"\x80\x04\x95" + (2**60).to_bytes(8, "little") + b"N.",
        b"\x80\x02})" + b"\x85" * 1_500_000 + b"K\x01s.",  # a key whose hash takes a stack of 1.5 million calls
        b"\x80\x02})q\x01"
        + b"".join(b"h%ch%c\x86q%c" % (k, k, k + 1) for k in range(1, 70))
        + b"K\x01s.",  # 2^70 steps
        b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b".",
        b"",
        b"no pickle",
    ],
)
def test_lies_about_sizes_are_refused(data: bytes, tmp_path: Path):
    (tmp_path / "a.pkl").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.pkl"):
        read_pickle(tmp_path / "a.pkl")


def test_lists_of_lists_of_lists_end(tmp_path: Path):
    """A few bytes that stand for milliards of items."""
    laughs = b"\x80\x02]q\x01(" + b"K\x01" * 100 + b"e"
    for step in range(1, 10):
        laughs += b"]" + b"q" + bytes([step + 1]) + b"(" + (b"h" + bytes([step])) * 100 + b"e"
    (tmp_path / "a.pkl").write_bytes(laughs + b".")
    with pytest.raises(InputError, match="nested without end"):
        read_pickle(tmp_path / "a.pkl")


def test_an_enormous_file_is_not_read(tmp_path: Path):
    with open(tmp_path / "a.pkl", "wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(InputError, match="5120 MiB"):
        read_pickle(tmp_path / "a.pkl")


def test_npy_files(tmp_path: Path):
    np.save(tmp_path / "a.npy", GRID)
    assert np.array_equal(read_npy(tmp_path / "a.npy"), GRID)
    wrapped = np.empty((), object)
    wrapped[()] = {"full_lmk_faces_idx": np.arange(3)}
    np.save(tmp_path / "b.npy", wrapped, allow_pickle=True)
    assert np.array_equal(read_npy(tmp_path / "b.npy")["full_lmk_faces_idx"], np.arange(3))
    wrapped[()] = Calls(eval, "open('HACKED', 'w')")
    np.save(tmp_path / "c.npy", wrapped, allow_pickle=True)
    with pytest.raises(InputError, match="eval"):
        read_npy(tmp_path / "c.npy")
    header = (tmp_path / "a.npy").read_bytes().replace(b"(2, 3), }    ", b"(9999, 9999), }")
    (tmp_path / "d.npy").write_bytes(header)
    with pytest.raises(InputError, match=r"d\.npy"):
        read_npy(tmp_path / "d.npy")


def test_npz_files(tmp_path: Path):
    np.savez(tmp_path / "a.npz", x=GRID, y=np.arange(2))
    assert np.array_equal(read_npz(tmp_path / "a.npz")["x"], GRID)
    (tmp_path / "b.npz").write_bytes(b"PK no zip")
    with pytest.raises(InputError, match=r"b\.npz"):
        read_npz(tmp_path / "b.npz")
    wrapped = np.empty((), object)
    wrapped[()] = Calls(eval, "1")
    stream = io.BytesIO()
    np.save(stream, wrapped, allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as file:
        file.writestr("x.npy", stream.getvalue())
    with pytest.raises(InputError, match="eval"):
        read_npz(tmp_path / "c.npz")
