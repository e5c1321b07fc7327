"""The container refuses what does not fit together."""

import numpy as np
import pytest

from partnerface.errors import ArtefactError
from partnerface.landmarks.container import Landmarks


def sound(count: int = 4) -> Landmarks:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (count, 478, 3)).astype(np.float32)
    return Landmarks("mediapipe478", points, np.ones(count, bool), np.ones(count, np.float32))


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
