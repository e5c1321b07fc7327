"""The report on the masks' trembling."""

from typing import Any

import numpy as np
import pytest

from partnerface.artefacts.files import write_npz
from partnerface.reporting.assets import Shelf
from partnerface.reporting.masks import Steadiness, steadiness


def reason(piece: Any) -> str:
    assert piece.missing
    return piece.reason


@pytest.fixture
def shelf(results):
    return Shelf(results, 1e6)


def test_steadiness_per_frame(shelf, subject):
    found = steadiness(shelf, subject)
    assert isinstance(found, Steadiness)
    values = np.full(59, 0.3)
    values[29] = 0.5
    np.testing.assert_allclose([found.mean, found.worst], [values.mean(), 0.5])
    assert (found.worst_frame, found.size) == (38, 64)  # the stored frame 30, before which eight were dropped
    assert found.plot.startswith("<svg")


def test_what_is_missing_is_said(shelf, subject):
    write_npz(subject.masks, {"flicker_px": np.full(3, np.nan), "image_size": np.array(64)}, "parsing")
    assert "nothing can be said" in reason(steadiness(shelf, subject))
    write_npz(subject.masks, {"image_size": np.array(64)}, "parsing")
    assert "partnerface parsing" in reason(steadiness(shelf, subject))
    subject.masks.unlink()
    assert "masks.npz is missing" in reason(steadiness(shelf, subject))
