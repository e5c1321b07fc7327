"""`.frame` files: what torch writes is read whole, in both of its forms; other files are refused in a line."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from partnerface.errors import InputError
from partnerface.exchange.frame_file import LEGACY_MAGIC, read_frame

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
    """Every form of hostile pickle is in tests/artefacts/foreign; here, that each envelope leads there."""
    mark, file = tmp_path / "mark", tmp_path / "x.frame"
    call = Calls(os.system, f"touch {mark}")
    assert "system" in refusal(as_frame(tmp_path, pickle.dumps({"flame": call})))
    for as_zip in (True, False):
        torch.save({"flame": call}, file, _use_new_zipfile_serialization=as_zip)
        assert "system" in refusal(file)
    whole = file.read_bytes()
    for data in (pickle.dumps(call, 2), LEGACY_MAGIC + pickle.dumps(call, 2) * 3 + whole, LEGACY_MAGIC * 3 + whole):
        file.write_bytes(data)
        refusal(file)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [(pickle.dumps([1, 2], protocol=2), "no dict"), (pickle.dumps(CONTENT, protocol=2)[:-40], "can't be read")],
)
def test_other_content(tmp_path, data, words):
    assert words in refusal(as_frame(tmp_path, data))


def test_other_files(tmp_path):
    file = tmp_path / "x.frame"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme", "hello")
    assert "data.pkl" in refusal(file)
    for as_zip in (True, False):
        torch.save({"flame": torch.zeros(3)}, file, _use_new_zipfile_serialization=as_zip)
        assert "torch tensors" in refusal(file)
    whole = file.read_bytes()
    for data, words in ((whole[:20], "breaks off"), (b"not a pickle at all", "begin"), (b"", "begin")):
        file.write_bytes(data)
        assert words in refusal(file)
    assert "No such file" in refusal(tmp_path / "none.frame")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\0" * (17 << 20))
    assert "unpacks to more" in refusal(file)
    file.write_bytes(bytes(17 << 20))
    assert "17 MiB" in refusal(file)
