"""What a killed writer leaves is swept by the next writer of the same file, and nothing else is."""

from pathlib import Path

from partnerface.artefacts.files import atomic


def test_next_writer_sweeps(tmp_path: Path) -> None:
    mine, other = tmp_path / ".masks.voyi1xij.jpg", tmp_path / ".masks.jpg.stamp.voyi1xij.json"
    kept = [tmp_path / ".masks.jpg", tmp_path / "masks.12345678.jpg", tmp_path / ".frames.voyi1xij.jpg", other]
    for file in (mine, *kept):
        file.write_text("left")
    with atomic(tmp_path / "masks.jpg") as temporary:
        temporary.write_text("whole")
    assert not mine.exists()
    assert all(file.exists() for file in kept)
    assert (tmp_path / "masks.jpg").read_text() == "whole"
