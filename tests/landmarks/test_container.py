"""The container refuses what does not fit together."""

from dataclasses import replace

import numpy as np
import pytest

from partnerface.errors import ArtefactError
from partnerface.landmarks.container import Landmarks


def sound(count: int = 4) -> Landmarks:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (count, 478, 3)).astype(np.float32)
    seen = rng.uniform(0, 1, (count, 478)).astype(np.float32)
    return Landmarks("mediapipe478", points, np.ones(count, bool), np.ones(count, np.float32), seen)


def test_round_trip() -> None:
    arrays = sound().arrays()
    back = Landmarks.from_arrays(arrays)
    assert back.scheme == "mediapipe478"
    assert len(back) == 4
    np.testing.assert_array_equal(back.points, arrays["points"])


def test_types_on_disk() -> None:
    arrays = sound().arrays()
    assert {name: array.dtype.kind for name, array in arrays.items()} == {
        "points": "f",
        "found": "b",
        "confidence": "f",
        "visibility": "f",
        "scheme": "U",
    }
    assert arrays["points"].dtype == np.float32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scheme": np.array("dlib5")}, "unknown landmark scheme"),
        ({"points": np.zeros((4, 68, 3), np.float32)}, "expected"),
        ({"found": np.ones(3, bool)}, "expected"),
        ({"points": np.full((4, 478, 3), np.nan, np.float32)}, "not finite"),
        ({"visibility": np.zeros((4, 68), np.float32)}, "expected"),
        ({"visibility": np.full((4, 478), 1.5, np.float32)}, "range from 0 to 1"),
        ({"confidence": np.full(4, -0.1, np.float32)}, "range from 0 to 1"),
        ({"blendshapes": np.zeros((4, 52), np.float32)}, "0 blendshape names"),
        ({"found": np.array(True)}, "landmarks.npz"),
    ],
)
def test_what_does_not_fit_names_the_stage(change: dict, words: str) -> None:
    with pytest.raises(ArtefactError, match=words) as caught:
        Landmarks.from_arrays(sound().arrays() | change)
    assert "partnerface landmarks" in str(caught.value)


def test_a_missing_array_is_named() -> None:
    arrays = sound().arrays()
    del arrays["confidence"]
    with pytest.raises(ArtefactError, match="lacks confidence"):
        Landmarks.from_arrays(arrays)


def test_blendshapes_and_prefix_come_back() -> None:
    names = tuple(f"shape{k}" for k in range(52))
    full = replace(sound(), blendshapes=np.full((4, 52), 0.25, np.float32), blendshape_names=names)
    back = Landmarks.from_arrays(full.arrays("other_") | sound(3).arrays(), prefix="other_")
    assert back.blendshape_names == names
    assert back.blendshapes is not None
    np.testing.assert_array_equal(back.blendshapes, np.full((4, 52), 0.25, np.float32))
    assert len(back) == 4


def test_a_file_of_an_earlier_version_is_read() -> None:
    arrays = sound().arrays()
    del arrays["visibility"]
    arrays["found"] = np.array([True, False, True, True])
    seen = Landmarks.from_arrays(arrays).visibility
    assert seen.shape == (4, 478)
    np.testing.assert_array_equal(seen[:, 0], [1, 0, 1, 1])


def test_another_scheme_than_is_needed_is_one_line() -> None:
    assert sound().require("mediapipe478").scheme == "mediapipe478"
    with pytest.raises(ArtefactError, match=r"set landmarks\.detector") as caught:
        sound().require("ibug68")
    assert "\n" not in str(caught.value)
