"""Methods against each other: frame by frame on the same frames, and each on training frames against held-out ones."""

import warnings
from dataclasses import dataclass

import numpy as np

from partnerface.conventions import METHODS_COMPARED
from partnerface.reporting.bootstrap import Interval, interval
from partnerface.reporting.results import Group, Key, Series

#: The method that the others are held against.
LEAD = next(iter(METHODS_COMPARED))


@dataclass(frozen=True)
class Difference:
    """One row of results/tables/differences.csv: the lead's value minus a rival's, frame by frame.

    Two intervals that overlap do not say that two methods are alike, since both see the same hard and easy frames;
    whether the interval of the difference holds 0 does.

    Attributes:
        value: mean over the frames that both have; of each frame, the seeds' mean is taken first.
        seeds, rival_seeds: how many there are of each.
    """

    subject: str
    method: str
    rival: str
    split: str
    region: str
    metric: str
    value: float
    interval: Interval
    seeds: int
    rival_seeds: int
    n_frames: int


def paired_differences(group: Group) -> list[Difference]:
    """The lead against every other method of a group, in the order of the tables; none without the lead."""
    if LEAD not in group.runs:
        return []
    keys, rivals = group.keys(), [method for method in group.runs if method != LEAD]
    found = [_difference(group, rival, key) for rival in rivals for key in keys]
    return [one for one in found if one is not None]


def _difference(group: Group, rival: str, key: Key) -> Difference | None:
    ours, theirs = group.series(LEAD, key), group.series(rival, key)
    if ours is None or theirs is None:
        return None
    frames, here, there = np.intersect1d(ours.frames, theirs.frames, assume_unique=True, return_indices=True)
    if not len(frames):
        return None
    by_frame = _seed_mean(ours)[here] - _seed_mean(theirs)[there]
    means = group.resampled(Series(frames, by_frame[None]))
    seeds = len(ours.values), len(theirs.values)
    value = float(np.mean(by_frame))
    return Difference(group.subject, LEAD, rival, *key, value, interval(means), *seeds, len(frames))


def _seed_mean(series: Series) -> np.ndarray:
    """(n,) mean over the seeds that have the frame; at least one has."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a frame that none has would be an error of ours
        return np.nanmean(series.values, axis=0)


@dataclass(frozen=True)
class Gap:
    """How much better a method is on training frames than on those of a held-out split."""

    method: str
    split: str
    region: str
    train: float
    heldout: float
    interval: Interval

    @property
    def value(self) -> float:
        """Training minus held-out."""
        return self.train - self.heldout


def gaps(group: Group, metric: str = "psnr") -> list[Gap]:
    """By method, region and held-out split; the frames of the two sides are other ones, so each is resampled alone."""
    means = {(m.method, m.split, m.region): m.value for m in group.means() if m.metric == metric}
    found = []
    for (method, split, region), heldout in means.items():
        train = means.get((method, "train", region))
        if split == "train" or train is None:
            continue
        learnt, new = (group.series(method, (name, region, metric)) for name in ("train", split))
        assert learnt is not None  # there is a mean of it
        assert new is not None
        resampled = group.resampled(learnt, stream=1) - group.resampled(new)
        found.append(Gap(method, split, region, train, heldout, interval(resampled)))
    return found
