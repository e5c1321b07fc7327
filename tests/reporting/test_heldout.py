"""Which held-out frames are shown, and their error maps."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.heldout import ERROR_TOP, colour_of, error_map, held_out, picked, registration_gain
from partnerface.reporting.results import find_runs, group_runs

COLOURS = {"partnerface": 0, "partnerface/seed1": 0, "retrieval": 1}


def any_of(piece: Any) -> Any:
    """A piece of any type: when it is another than expected, the test fails on what it asks of it."""
    return piece


def test_picked():
    assert picked({1: 20.0, 2: 30.0, 3: 25.0, 4: 10.0, 5: 26.0}) == [("best", 2), ("median", 3), ("worst", 4)]
    assert picked({7: 20.0}) == [("best", 7)]
    assert picked({7: 20.0, 8: 21.0}) == [("best", 8), ("median", 7)]


def test_error_map_is_black_without_error_and_brightest_from_the_top_on():
    truth = np.full((2, 2, 3), 100, np.uint8)
    image = truth.copy()
    image[0, 1] += 20
    image[1, 0] += 100
    image[1, 1] -= 100
    colours = error_map(truth, image)
    brightness = colours.astype(int).sum(2)
    assert brightness[0, 0] < 15 < brightness[0, 1] < brightness[1, 0] == brightness[1, 1]
    assert np.array_equal(colour_of(np.array([[ERROR_TOP]])), colour_of(np.array([[1.0]])))


def test_error_map_does_not_wrap_around():
    dark, bright = np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)
    assert np.array_equal(error_map(dark, bright), error_map(bright, dark))
    assert error_map(dark, bright).sum() > 600


@pytest.fixture
def group(results):
    return group_runs(find_runs(results))[0]


def test_held_out(results, subject, group):
    found = any_of(held_out(Shelf(results, 1e6), subject, group, COLOURS))
    assert found.lead == "partnerface"
    assert [split for split, _ in found.splits] == ["tail", "unseen-expression"]
    values = group.runs["partnerface"][0].values["tail", "full", "psnr"]
    best, median, worst = found.splits[0][1]
    assert (best.rank, best.frame) == ("best", max(values, key=values.__getitem__))
    assert (worst.rank, worst.frame) == ("worst", min(values, key=values.__getitem__))
    assert median.rank == "median"
    assert [shown.method for shown in best.shown] == ["partnerface", "retrieval"]
    assert best.shown[0].psnr == values[best.frame]
    assert best.truth.uri != best.shown[0].render.uri != best.shown[0].error.uri


def test_missing_pieces(results, subject, group):
    subject.run("retrieval").renders.unlink()
    assert held_out(Shelf(results, 1e6), subject, group, COLOURS) == Missing(
        "anna/retrieval/renders.npy is missing; run `partnerface render` again"
    )


def test_registration_gain_is_the_mean_over_frames(results, subject, group):
    run = group.runs["partnerface"][0]
    plain = run.values["tail", "full", "psnr"]
    more = {frame: value + 0.5 * (i % 2) for i, (frame, value) in enumerate(plain.items())}
    moved = replace(run, values={**run.values, ("tail", "full", "psnr_shifted"): more})
    assert registration_gain(moved, "tail") == pytest.approx(0.25, abs=0.05)
    assert registration_gain(replace(run, values={("tail", "full", "psnr"): plain}), "tail") is None
    found = any_of(held_out(Shelf(results, 1e6), subject, group, COLOURS))
    assert [split for split, _ in found.registration] == ["tail", "unseen-expression"]
    assert all(gain >= 0 for _, gain in found.registration)
