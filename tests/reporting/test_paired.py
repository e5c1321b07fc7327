"""Differences on the same frames and gaps between frames, by hand."""

import csv
import io

import numpy as np
import pytest

from partnerface.artefacts.layout import RunFolder
from partnerface.reporting import long
from partnerface.reporting.bootstrap import interval, resampled_means
from partnerface.reporting.paired import gaps, paired_differences
from partnerface.reporting.results import Run, group_runs

PROTOCOL = {"comparable": {"size": [8, 8], "source_fps": 10.0, "splits": {"tail": {}, "train": {}}}, "seed": 0}
KEY = ("tail", "face", "psnr")


def made_up(tmp_path, name: str, values: dict) -> Run:
    return Run("anna", name, RunFolder(tmp_path / "anna" / name), values, PROTOCOL)


def group(tmp_path, **runs):
    (found,) = group_runs([made_up(tmp_path, name.replace("__", "/"), values) for name, values in runs.items()])
    return found


def by_frame(values) -> dict[int, float]:
    return dict(enumerate(map(float, values)))


def test_equal_runs_differ_by_exactly_nothing(tmp_path):
    values = by_frame(np.random.default_rng(0).normal(25, 3, 50))
    (one,) = paired_differences(group(tmp_path, partnerface={KEY: values}, skinning={KEY: values}))
    assert (one.value, *one.interval) == (0, 0, 0)
    assert (one.rival, one.split, one.region, one.metric, one.n_frames) == ("skinning", *KEY, 50)


def test_a_steady_lead_is_sure_though_the_intervals_overlap(tmp_path):
    theirs = np.random.default_rng(0).normal(25, 3, 200)
    found = group(tmp_path, partnerface={KEY: by_frame(theirs + 0.25)}, skinning={KEY: by_frame(theirs)})
    (one,) = paired_differences(found)
    assert (one.value, *one.interval) == pytest.approx((0.25, 0.25, 0.25))
    ours, rivals = (mean.interval for mean in found.means())
    assert ours is not None
    assert rivals is not None
    assert ours.low < rivals.high


def test_seeds_are_averaged_frame_by_frame_on_common_frames(tmp_path):
    found = group(
        tmp_path,
        partnerface={KEY: {1: 20.0, 2: 22.0, 3: 24.0}},
        partnerface__seed1={KEY: {1: 22.0, 2: 24.0}},
        retrieval={KEY: {2: 20.0, 3: 20.0, 4: 0.0}},
    )
    (one,) = paired_differences(found)
    assert one.value == pytest.approx((23 - 20 + 24 - 20) / 2)  # frames 2 and 3 alone
    assert (one.seeds, one.rival_seeds, one.n_frames) == (2, 1, 2)


def test_the_interval_is_that_of_the_differences(tmp_path):
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(25, 1, 60), rng.normal(24, 1, 60)
    (one,) = paired_differences(group(tmp_path, partnerface={KEY: by_frame(ours)}, skinning={KEY: by_frame(theirs)}))
    assert one.interval == interval(resampled_means(ours - theirs, 5))  # half a second at ten frames per second


def test_without_the_lead_there_is_nothing_to_compare(tmp_path):
    assert paired_differences(group(tmp_path, skinning={KEY: {1: 1.0}}, retrieval={KEY: {1: 1.0}})) == []


def test_gap_by_hand(tmp_path):
    train = ("train", "face", "psnr")
    found = gaps(
        group(
            tmp_path,
            partnerface={KEY: {5: 20.0, 6: 22.0}, train: {1: 30.0, 2: 30.0}, ("tail", "full", "psnr"): {5: 1.0}},
        )
    )
    (gap,) = found  # the whole image was not measured on training frames
    assert (gap.method, gap.split, gap.region, gap.train, gap.heldout, gap.value) == (
        *("partnerface", "tail", "face"),
        *(30, 21, 9),
    )
    assert gap.interval == pytest.approx((8, 10))


def test_long_tables(tmp_path):
    groups = [
        group(
            tmp_path,
            partnerface={KEY: {1: 20.0, 2: 22.0}},
            partnerface__seed1={KEY: {1: 24.0, 2: 26.0}},
            skinning={KEY: {1: 19.0, 2: 21.0}},
        )
    ]
    first, second = csv.DictReader(io.StringIO(long.intervals(groups)))
    assert first == {
        **{"subject": "anna", "method": "partnerface", "split": "tail", "region": "face", "metric": "psnr"},
        **{"value": "23", "low": "22", "high": "24", "spread": "2.82843", "seeds": "2", "n_frames": "2"},
    }
    assert (second["method"], second["value"], second["spread"], second["seeds"]) == ("skinning", "20", "", "1")
    (row,) = csv.DictReader(io.StringIO(long.differences(groups)))
    assert row == {
        **{"subject": "anna", "method": "partnerface", "rival": "skinning", "split": "tail", "region": "face"},
        **{"metric": "psnr", "value": "3", "low": "3", "high": "3", "seeds": "2", "rival_seeds": "1", "n_frames": "2"},
    }
    assert long.metrics(groups).splitlines()[0] == "subject,method,split,region,metric,value,n_frames"
    for table in (long.metrics, long.intervals, long.differences):
        assert table(groups) == table(groups)
