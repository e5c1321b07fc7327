"""The gap between training and held-out frames, and the baseline."""

from dataclasses import replace
from typing import Any

import pytest

from partnerface.artefacts.layout import RunFolder
from partnerface.reporting.compare import gap, over_time, verdicts
from partnerface.reporting.results import Run, group_runs

COLOURS = {"partnerface": 0, "partnerface/seed1": 0, "retrieval": 1}
PROTOCOL = {"comparable": {"splits": {"tail": {}, "train": {}}}}


def any_of(piece: Any) -> Any:
    """A piece of any type: when it is another than expected, the test fails on what it asks of it."""
    return piece


@pytest.fixture
def group(tmp_path):
    def run(name: str, train: float | None, tail: float) -> Run:
        values = {("tail", "full", "psnr"): {8: tail - 1, 9: tail + 1}}
        if train is not None:
            values["train", "full", "psnr"] = {1: train}
        return Run("anna", name, RunFolder(tmp_path), values, PROTOCOL)

    return group_runs(
        [run("partnerface", 28.0, 23.0), run("partnerface/seed1", 30.0, 24.0), run("retrieval", None, 22.0)]
    )[0]


def test_gap(group):
    found = any_of(gap(group, COLOURS))
    ours, trivial = found.rows
    assert (ours.method, ours.train, ours.splits) == ("partnerface", 29.0, (("tail", 23.5, 5.5),))
    assert (trivial.train, trivial.splits) == (None, (("tail", 22.0, None),))
    assert found.low < 22 < 29 < found.high
    assert found.share(found.low) == 0
    assert found.share(found.high) == 100


def test_gap_without_values(group):
    assert gap(group, COLOURS, metric="lpips_alex") is None


def test_verdicts(group):
    (verdict,) = verdicts([group])
    assert (verdict.subject, verdict.split, verdict.lead) == ("anna", "tail", "partnerface")
    assert (verdict.ours, verdict.trivial) == (23.5, 22.0)
    alone = {method: runs for method, runs in group.runs.items() if method != "retrieval"}
    assert verdicts([replace(group, runs=alone)]) == []


def test_over_time(group):
    assert "source frame" in any_of(over_time(group, COLOURS))
    for run in (run for runs in group.runs.values() for run in runs):
        run.values.clear()
    assert over_time(group, COLOURS) is None
