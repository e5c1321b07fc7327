"""Notes of C++ libraries are dropped, errors and later output are not."""

import os
import sys

import pytest

from partnerface.quiet import quiet


def test_notes_are_dropped_and_later_output_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(2, b"a note from below\n")
    print("a line of ours", file=sys.stderr)
    assert capfd.readouterr().err == "a line of ours\n"


def test_errors_pass(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with quiet():
            os.write(2, b"a note\n")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fail()
    os.write(2, b"still there\n")
    assert capfd.readouterr().err == "still there\n"


def test_a_graph_is_made_where_small_numbers_are_flushed() -> None:
    """Training flushes them; TensorFlow Lite would refuse the model."""
    torch, np = pytest.importorskip("torch"), pytest.importorskip("numpy")
    pytest.importorskip("mediapipe")
    from partnerface.parsing.segment import PersonSegmenter

    torch.set_flush_denormal(True)
    try:
        with PersonSegmenter() as segment:
            assert np.isfinite(segment(np.zeros((64, 64, 3), np.uint8))).all()
        assert float(torch.tensor(1e-310, dtype=torch.float64) * 1.0) == 0.0
    finally:
        torch.set_flush_denormal(False)
