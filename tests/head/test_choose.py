"""A text becomes a head, or one line about why not."""

from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts.files import digest
from partnerface.errors import PartNerFaceError
from partnerface.head.builtin import builtin_head
from partnerface.head.choose import choose_head
from tests.avatar.toy import toy_head


def test_the_built_in_head():
    chosen = choose_head("builtin", 1, 1)
    assert chosen.model is builtin_head()
    assert (chosen.files, chosen.said) == ([], "")


@pytest.mark.parametrize("stamped", [True, False])
def test_a_head_of_ours(stamped: bool, tmp_path: Path):
    head, file = toy_head(), tmp_path / "head.npz"
    if stamped:
        head.save(file)
    else:
        np.savez(file, **head.arrays())  # type: ignore[arg-type]
    chosen = choose_head(str(file), 1, 1)
    for name, array in head.arrays().items():
        assert np.array_equal(chosen.model.arrays()[name], array), name
    assert chosen.files == [file]
    assert digest(file) in chosen.said


def test_files_that_are_no_head(tmp_path: Path):
    file = tmp_path / "head.npz"
    toy_head().save(file)
    whole, arrays = file.read_bytes(), toy_head().arrays()
    wrong = {"template": np.zeros(3), "faces": np.array(1), "eyelid_basis": "x" * 3}
    cases: list[tuple[bytes | dict, str]] = [
        (whole[: len(whole) // 2], "no zip"),
        (b"", "no zip"),
        ({"points": np.zeros(3)}, "no head model of this version"),
        ({**arrays, "template": np.array([{}, None], object)}, "lacks template"),
        *(({**arrays, name: np.array(value)}, "head.npz") for name, value in wrong.items()),
        ({**arrays, "template": arrays["template"].astype(str)}, "template holds values of the type"),
        ({**arrays, "faces": arrays["faces"].astype(float)}, "faces holds values of the type"),
        ({**arrays, "faces": arrays["faces"][:0], "template": arrays["template"][:0]}, "head.npz"),
    ]
    for content, words in cases:
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            np.savez(file, **content)
        with pytest.raises(PartNerFaceError, match=words) as raised:
            choose_head(str(file), 1, 1)
        assert "\n" not in str(raised.value)
    with pytest.raises(PartNerFaceError, match=r"none\.pkl is no file"):
        choose_head(str(tmp_path / "none.pkl"), 1, 1)
