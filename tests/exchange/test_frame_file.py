"""The allow-listed reader of `.frame` files: what torch writes is read whole, what a stranger writes does nothing."""

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from partnerface.errors import InputError
from partnerface.exchange.frame_file import read_frame

CONTENT = {
    "flame": {"exp": np.linspace(-1, 1, 100, dtype=np.float32)[None], "jaw": np.eye(3)[:2].reshape(1, 6)},
    "big": np.arange(6, dtype=">i4").reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "img_size": np.array([512, 256]),
    "list": [1, 2.5, "three", None, True],
    "scalar": np.float32(1.5),
    "frame_id": "00012",
}


@pytest.mark.parametrize("as_zip", [True, False])
def test_what_torch_saves_is_read(tmp_path, as_zip):
    file = tmp_path / "00012.frame"
    torch.save(CONTENT, file, _use_new_zipfile_serialization=as_zip)
    read = read_frame(file)
    np.testing.assert_array_equal(read["flame"]["exp"], CONTENT["flame"]["exp"])
    assert read["flame"]["exp"].dtype == np.float32
    for name in ("big", "columns", "img_size"):
        np.testing.assert_array_equal(read[name], CONTENT[name])
    np.testing.assert_array_equal(read["flame"]["jaw"], CONTENT["flame"]["jaw"])
    assert read["list"] == CONTENT["list"]
    assert (read["scalar"], read["frame_id"]) == (1.5, "00012")
    read["flame"]["exp"][0, 0] = 3  # memory of our own, writable


class Calls:
    """An object whose unpickling calls something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def as_frame(folder: Path, data: bytes) -> Path:
    """A zip as torch's with this pickle in it."""
    file = folder / "x.frame"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", data)
    return file


def refusal(file: Path) -> str:
    with pytest.raises(InputError) as error:
        read_frame(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_call_is_refused_and_not_made(tmp_path):
    mark = tmp_path / "mark"
    text = str(mark)
    for value in (Calls(os.system, f"touch {mark}"), Calls(eval, f"open({text!r}, 'w')"), Calls(open, text, "w")):
        for protocol in range(2, 6):
            data = pickle.dumps({"flame": value}, protocol=protocol)
            assert "it asks for" in refusal(as_frame(tmp_path, data))
    torch.save({"flame": Calls(os.system, f"touch {mark}")}, tmp_path / "x.frame", _use_new_zipfile_serialization=False)
    assert "it asks for" in refusal(tmp_path / "x.frame")
    assert not mark.exists()


def test_the_old_form_is_looked_through_from_its_first_byte(tmp_path):
    mark = tmp_path / "mark"
    file = tmp_path / "x.frame"
    file.write_bytes(pickle.dumps(Calls(os.system, f"touch {mark}"), protocol=2))
    assert "it asks for" in refusal(file)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pickle.dumps({"t": np.array([{}, None], dtype=object)}, protocol=2), "array of objects"),
        (pickle.dumps({"t": np.zeros(2, dtype="f4,i4")}, protocol=2), "the type"),
        (pickle.dumps({"t": np.array(["ab"])}, protocol=2), "the type"),
        (pickle.dumps({"t": 1 + 2j}, protocol=2), "complex"),
        (pickle.dumps([1, 2], protocol=2), "no dict"),
        (b"\x80\x02}r" + struct.pack("<I", 0xFFFFFFF0) + b".", "too much memory"),
        (b"\x80\x02}q\x00(X\x01\x00\x00\x00aX\x01\x00\x00\x00bj\xff\xff\xff\x7fu.", "can be read"),
        (b"\x80\x02\x82\x01.", "opcode EXT1"),
        (b"not a pickle at all", "can be read"),
        (b"", "can be read"),
        (pickle.dumps({"a": CONTENT}, protocol=2)[:-40], "can be read"),
    ],
)
def test_hostile_and_damaged_pickles(tmp_path, data, words):
    assert words in refusal(as_frame(tmp_path, data))


def test_an_array_that_claims_more_than_its_bytes(tmp_path):
    honest = pickle.dumps({"a": np.zeros(3, np.float32)}, protocol=2)
    shape = b"(K\x01K\x03\x85"
    assert shape in honest
    assert "do not fit its shape" in refusal(as_frame(tmp_path, honest.replace(shape, b"(K\x01K\xf0\x85")))
    assert "do not fit its shape" in refusal(as_frame(tmp_path, honest.replace(shape, b"(K\x01M\xff\xff\x85")))


def test_nested_beyond_reason(tmp_path):
    value: list = []
    for _ in range(40):
        value = [value, value]
    assert "too much" in refusal(as_frame(tmp_path, pickle.dumps({"a": value}, protocol=2)))


def test_no_zip_of_ours_and_tensors(tmp_path):
    file = tmp_path / "x.frame"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme", "hello")
    assert "data.pkl" in refusal(file)
    torch.save({"flame": torch.zeros(3)}, file)
    assert "torch tensors" in refusal(file)
    assert "cannot read" in refusal(tmp_path / "none.frame")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\0" * (17 << 20))
    assert "unpacks to more" in refusal(file)
