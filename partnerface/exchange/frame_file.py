"""`.frame` files: what `torch.save` makes of a dict of NumPy arrays, a pickle in an envelope of torch's."""

import io
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any

from partnerface.artefacts.foreign import contents, members, unpickle
from partnerface.errors import InputError

#: A real one has 10 kB; with a 5143-vertex offset 100 kB.
MOST_BYTES = 16 << 20
#: The number before the form that torch wrote until 1.6, pickled; two more short pickles follow, then the payload's.
LEGACY_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
AGAIN = "copy it again from the tracker's folder, whose .frame files hold NumPy's arrays, numbers and text"


def read_frame(path: Path) -> dict[str, Any]:
    """The content of a `.frame` file: dicts, lists, numbers, text and arrays; see `foreign.unpickle`.

    Raises:
        InputError: it is no such file, is too large, or holds anything else.
    """
    path = Path(path)
    data = contents(path, AGAIN, MOST_BYTES)
    payload = _in_zip(data, path) if zipfile.is_zipfile(io.BytesIO(data)) else _in_legacy_form(data, path)
    value = unpickle(payload, path, AGAIN)
    if not isinstance(value, dict):
        raise InputError(f"{path} is no tracker's .frame file: it holds no dict")
    return value


def _in_zip(data: bytes, path: Path) -> bytes:
    inside = [held for name, held in members(data, path, AGAIN, MOST_BYTES).items() if name.endswith("/data.pkl")]
    if len(inside) != 1:
        raise InputError(f"{path} is a zip without one data.pkl; {AGAIN}")
    return inside[0]


def _in_legacy_form(data: bytes, path: Path) -> bytes:
    if not data.startswith(LEGACY_MAGIC):
        raise InputError(f"{path} is no .frame file: it does not begin as torch's files do; {AGAIN}")
    stream = io.BytesIO(data)
    try:
        for _ in range(3):  # magic number, protocol version, machine: walked over, not carried out
            for _ in pickletools.genops(stream):
                pass
    except Exception:  # damaged bytes make it raise almost anything
        raise InputError(f"{path} is a .frame file that breaks off; {AGAIN}") from None
    return data[stream.tell() :]
