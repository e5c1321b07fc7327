"""Reprojection errors."""

from typing import Any

import numpy as np
import pytest

from partnerface.artefacts.files import read_npz, write_npz
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.fit import fit


def any_of(piece: Any) -> Any:
    """A piece of any type: when it is another than expected, the test fails on what it asks of it."""
    return piece


@pytest.fixture
def shelf(results):
    return Shelf(results, 1e6)


def test_figures_leave_bridged_frames_out(shelf, subject):
    arrays = read_npz(subject.tracking, "tracking")
    arrays["error_px"] = np.linspace(0, 1, 60, dtype=np.float32)
    arrays["error_px"][40:43] = 50  # bridged
    arrays["error_px"][30] = 7
    write_npz(subject.tracking, arrays, "tracking")
    found = any_of(fit(shelf, subject))
    seen = np.delete(arrays["error_px"], [40, 41, 42])
    assert found.median == pytest.approx(np.median(seen))
    assert found.p95 == pytest.approx(np.quantile(seen, 0.95))
    assert (found.worst, found.worst_frame) == (7, 38)  # the 31st kept frame is source frame 38
    assert (found.bridged, found.frames, found.size, found.head) == (3, 60, 64, "builtin")
    assert "time [s]" in found.plot
    assert (found.focal_error, found.rest) == (0.25, 10)
    assert found.jitter == pytest.approx((0.11, 0.26))
    assert "focal length" in found.warnings[0]
    for words in ("mouth opening", "lip width", "eye opening", "brow height"):
        assert words in found.curves
    assert "turn [°]" in found.angles


def test_a_head_that_never_rests_has_no_jitter(shelf, subject):
    arrays = read_npz(subject.tracking, "tracking")
    arrays |= {"jitter_percent": np.full(2, np.nan, np.float32), "rest": np.zeros(60, bool)}
    write_npz(subject.tracking, arrays, "tracking")
    assert any_of(fit(shelf, subject)).jitter is None


def test_without_frames_json_frames_are_counted(shelf, subject):
    subject.camera.unlink()
    found = any_of(fit(shelf, subject))
    assert "time [s]" not in found.plot


def test_missing_pieces(shelf, subject):
    arrays = read_npz(subject.tracking, "tracking")
    write_npz(subject.tracking, {**arrays, "bridged": np.ones(60, bool)}, "tracking")
    assert "no frame" in any_of(fit(shelf, subject)).reason
    del arrays["focal"]
    write_npz(subject.tracking, arrays, "tracking")
    assert fit(shelf, subject) == Missing("tracking.npz has no 'focal'; run `partnerface tracking` again")
    subject.tracking.unlink()
    assert "anna/tracking.npz is missing" in any_of(fit(shelf, subject)).reason
