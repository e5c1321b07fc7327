"""Foreign pickles: the forms that FLAME and trackers use are read, what would run is refused in a line."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from partnerface.artefacts import foreign
from partnerface.errors import InputError
from tests.head.flame.shaped import dump

AGAIN = "ask its maker"
GRID = np.arange(6.0).reshape(2, 3)


def read_pickle(path: Path) -> Any:
    return foreign.read_pickle(path, AGAIN)


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
        **{f"system, protocol {k}": pickled(os.system, "touch HACKED", protocol=k) for k in range(6)},
        "popen": pickled(subprocess.Popen, ["touch", "HACKED"]),
        "eval": pickled(eval, "open('HACKED', 'w')"),
        "open": pickled(open, "HACKED", "w", protocol=3),
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
        "persistent, as text": b"Pa\n.",
        "torch's": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n.",
        "complex": pickle.dumps({"t": 1 + 2j}, protocol=2),
        "lines": head + b"\x8c\x03a\nb\x8c\x03c\nd\x93" + tail,
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
    assert str(raised.value).endswith(AGAIN)
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
        array_of((1,) * 70, bytes(8)),
        pickle.dumps(np.zeros(2, dtype="f4,i4"), protocol=2),
        pickle.dumps({"a": GRID}, protocol=2)[:-40],
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
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aX\x01\x00\x00\x00bj\xff\xff\xff\x7fu.",  # what was never put there
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


@pytest.mark.parametrize(
    "again",
    [
        # Of a text in the memo's place 1: bytes, and an array of bytes.
        b"c_codecs\nencode\nh\x01U\x06latin1\x86R",
        array_of((10**6,), b"", b"u1")[2:-1].replace(b"T\0\0\0\0", b"h\x01"),
    ],
)
def test_bytes_are_copied_no_more_often_than_they_stand_there(again: bytes, tmp_path: Path):
    text = b"\x80\x02X" + (10**6).to_bytes(4, "little") + b"a" * 10**6 + b"q\x010"
    (tmp_path / "a.pkl").write_bytes(text + again + b".")
    assert len(read_pickle(tmp_path / "a.pkl")) == 10**6
    (tmp_path / "a.pkl").write_bytes(text + b"](" + again * 1000 + b"e.")
    with pytest.raises(InputError, match="claims more bytes than it holds"):
        read_pickle(tmp_path / "a.pkl")


def test_a_list_makes_one_dictionary(tmp_path: Path):
    """A second one would be of its size and cost the file a few bytes."""
    pairs = b"\x80\x02](" + b"".join(b"K%cK\0\x86" % k for k in range(200)) + b"eq\x01"
    made = b"ccollections\nOrderedDict\nh\x01\x85R"
    (tmp_path / "a.pkl").write_bytes(pairs + b"0](" + made * 2 + b"e.")
    assert [len(item) for item in read_pickle(tmp_path / "a.pkl")] == [200, 0]


def test_torchs_tensors_are_called_so(tmp_path: Path):
    for name in ("torch's", "persistent", "persistent, as text"):
        (tmp_path / "a.pkl").write_bytes(hostile()[name])
        with pytest.raises(InputError, match="holds torch tensors"):
            read_pickle(tmp_path / "a.pkl")


def test_texts_objects_and_numbers_come_as_python_has_them(tmp_path: Path):
    held = {"text": np.array(["ab"]), "objects": np.array([{}, None], object), "one": np.int64(3), b"key": 1}
    for protocol in (2, 4):
        found = read_pickle(dump(held, tmp_path / "a.pkl", protocol))
        assert found["text"].tolist() == ["ab"]
        assert (found["objects"], found["key"]) == ([{}, None], 1)
        assert type(found["one"]) is int
