"""frames.csv and the splits as the report tells them."""

from typing import Any

import pytest

from partnerface.artefacts.files import write
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.clip import LISTED, source_facts, source_frames, splits


def any_of(piece: Any) -> Any:
    """A piece of any type: when it is another than expected, the test fails on what it asks of it."""
    return piece


@pytest.fixture
def shelf(results):
    return Shelf(results, 1e6)


def test_source_frames(shelf, subject):
    frames = any_of(source_frames(shelf, subject))
    assert (frames.total, frames.kept) == (68, 60)
    assert frames.counts == (("too blurred", 5), ("no face found", 3))
    assert frames.strip.stretches == ((0, 20, "kept"), (20, 3, "no_face"), (23, 5, "blurred"), (28, 40, "kept"))
    first, second = frames.dropped
    assert (first.first, first.last, first.status, first.reason) == (20, 22, "no_face", "no face above 0.5")
    assert (second.start_s, second.end_s) == (0.92, 1.08)
    assert frames.unlisted == 0


def test_many_dropped_stretches_are_counted(shelf, subject):
    rows = [f"{n},{n / 25},{'cut' if n % 2 else 'kept'},why" for n in range(2 * LISTED + 10)]
    with write(subject.frame_index, "frames") as temporary:
        temporary.write_text("frame,time_s,status,reason\n" + "\n".join(rows) + "\n")
    frames = any_of(source_frames(shelf, subject))
    assert len(frames.dropped) == LISTED
    assert frames.unlisted == 5


@pytest.mark.parametrize("text", ["", "frame,time_s\n1,2\n", "frame,time_s,status,reason\nx,y,kept,\n"])
def test_other_tables_do_not_break_the_page(shelf, subject, text):
    with write(subject.frame_index, "frames") as temporary:
        temporary.write_text(text)
    piece = any_of(source_frames(shelf, subject))
    assert isinstance(piece, Missing) or piece.total == 0


def test_splits(shelf, subject):
    found = any_of(splits(shelf, subject))
    assert [(row.label, row.count) for row in found.strips] == [
        ("train", 38),
        ("tail:0.2", 12),
        ("unseen-expression:0.1", 6),
        ("guard band", 4),
    ]
    assert found.strips[1].stretches == ((48, 12, "held"),)
    assert (found.guard, found.size, found.mask_policy) == (4, (64, 64), "head+neck")


def test_missing_pieces(shelf, subject):
    for path in (subject.frame_index, subject.camera, subject.dataset / "rgb.npy"):
        path.unlink()
    for piece in (source_frames(shelf, subject), source_facts(shelf, subject), splits(shelf, subject)):
        assert isinstance(piece, Missing)
        assert "is missing; run `partnerface" in piece.reason


def test_source_facts(shelf, subject):
    facts = any_of(source_facts(shelf, subject))
    assert (facts.video, facts.width, facts.height, facts.fps, facts.size) == ("clip.mp4", 640, 360, 25, 64)
