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
