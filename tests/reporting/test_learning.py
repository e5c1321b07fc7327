"""Training logs."""

from typing import Any

import pytest

from partnerface.artefacts.files import write
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.learning import learning, read_log

COLOURS = {"partnerface": 0, "partnerface/seed1": 0, "retrieval": 1}


def any_of(piece: Any) -> Any:
    """A piece of any type: when it is another than expected, the test fails on what it asks of it."""
    return piece


@pytest.fixture
def shelf(results):
    return Shelf(results, 1e6)


def test_read_log_passes_over_what_is_no_step():
    text = '{"step": 1, "loss": 2}\nnonsense\n[1]\n{"loss": 1}\n{"step": 2}\n{"step": 3, "lo'
    assert [line["step"] for line in read_log(text)] == [1, 2]


def test_learning(shelf, subject):
    found = any_of(learning(shelf, subject, COLOURS))
    assert [course.run for course in found.courses] == list(COLOURS)
    assert found.courses[0].words == "400 steps in 0:50, 28.78 dB on the last batches"
    assert found.courses[2].words == "nothing to train"
    assert "PSNR of the batches" in found.plot
    assert "loss" in found.plot


def test_values_that_are_no_numbers_do_not_break_the_curves(shelf, subject):
    lines = [
        '{"step": 1, "psnr": null, "loss": NaN}',
        '{"step": 2, "psnr": 20, "loss": -1, "roll_backs": 2}',
        '{"step": 3, "psnr": "x"}',
    ]
    with write(subject.run("partnerface").log, "train") as temporary:
        temporary.write_text("\n".join(lines))
    found = any_of(learning(shelf, subject, {"partnerface": 0}))
    assert found.courses[0].words == "3 steps"
    with write(subject.run("partnerface").log, "train") as temporary:
        temporary.write_text(lines[1])
    assert any_of(learning(shelf, subject, {"partnerface": 0})).courses[0].words.endswith("rolled back 2 times")


def test_missing_pieces(shelf, subject):
    assert isinstance(learning(shelf, subject, {"retrieval": 1}), Missing)
    subject.run("partnerface").log.unlink()
    found = any_of(learning(shelf, subject, COLOURS))
    assert found.problems == ("anna/partnerface/train.jsonl is missing; run `partnerface train` again",)
    assert [course.run for course in found.courses] == ["partnerface/seed1", "retrieval"]
    assert "anna/partnerface/train.jsonl" in any_of(learning(shelf, subject, {"partnerface": 0})).reason
