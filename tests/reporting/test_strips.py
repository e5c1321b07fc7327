"""Runs of frames in a row."""

from partnerface.reporting.strips import strip


def test_strip():
    row = strip("clip", ["kept", "kept", None, "cut", "cut", "cut", "kept"])
    assert row.total == 7
    assert row.stretches == ((0, 2, "kept"), (3, 3, "cut"), (6, 1, "kept"))
    assert row.count == 6
