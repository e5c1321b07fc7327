"""Every metric × region × split of every rendered frame."""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from partnerface.evaluation.expression import Readings
from partnerface.evaluation.flip import flip
from partnerface.evaluation.frames import Frames
from partnerface.evaluation.lpips import LEAST_SIZE, NETS, LpipsMetric, find_weights, load
from partnerface.evaluation.pixel import Metric, as_tensor, l1, psnr, psnr_image
from partnerface.evaluation.regions import region_masks
from partnerface.evaluation.registration import psnr_shifted
from partnerface.evaluation.structural import ms_ssim, ssim
from partnerface.evaluation.temporal import flicker, follows
from partnerface.progress import track

_T = TypeVar("_T")
_R = TypeVar("_R")
COLUMNS = ("frame", "split", "region", "metric", "value")

#: The metrics that need no weights. A new one is a function as described in `pixel`, its name in
#: `conventions.METRICS` or `DIAGNOSTICS`, a line here and a line in `protocol.describe_metrics`.
PLAIN_METRICS: dict[str, Metric] = {
    "psnr": psnr,
    "ssim": ssim,
    "ms_ssim": ms_ssim,
    "l1": l1,
    "flip": flip,
    "psnr_image": psnr_image,
    "psnr_shifted": psnr_shifted,
}


@dataclass(frozen=True)
class Metrics:
    """The metrics that can be computed here, and why the others can't.

    Attributes:
        present: metric name → function.
        absent: metric name → reason.
    """

    present: Mapping[str, Metric]
    absent: Mapping[str, str]

    @property
    def lpips(self) -> dict[str, LpipsMetric]:
        """The LPIPS metrics among those that are present."""
        return {name: metric for name, metric in self.present.items() if isinstance(metric, LpipsMetric)}


def available_metrics(lpips_weights: Path, size: int, device: str = "auto") -> Metrics:
    """The metrics for images whose lesser edge is `size`; LPIPS where its weights lie in the folder `lpips_weights`.

    Raises:
        InputError: a weight file is there but can't be used.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    present, absent = dict(PLAIN_METRICS), {}
    for net in NETS:
        name = f"lpips_{net}"
        files = find_weights(lpips_weights, net)
        if files is None:
            absent[name] = "its weights are not on disk"
        elif size < LEAST_SIZE:
            absent[name] = f"it wants images of at least {LEAST_SIZE} px"
        else:
            present[name] = load(net, *files, device=device)
    return Metrics(present, absent)


@dataclass(frozen=True)
class Measured:
    """What `measure` found.

    Attributes:
        rows: one row per frame × split × region × metric, with `COLUMNS`; `frame` is the source frame's number.
        coverage: split → region → share of the image's pixels, mean over the frames that have the region.
        area_offset_db: split → region → mean of 10 log10(pixels of the image / pixels of the region): what to add to
            our PSNR (error over the region's pixels) for that of papers that divide by the whole image's area.
    """

    rows: pd.DataFrame
    coverage: dict[str, dict[str, float]]
    area_offset_db: dict[str, dict[str, float]]


@dataclass(frozen=True)
class _Frame:
    """One rendered frame beside its true one: its splits, images and region masks."""

    position: int
    inside: list[str]
    truth: torch.Tensor
    image: torch.Tensor
    masks: dict[str, torch.Tensor | None]


def measure(
    frames: Frames,
    metrics: Mapping[str, Metric],
    name: str = "evaluate",
    readings: Readings | None = None,
    workers: int = 1,
) -> Measured:
    """Compare each rendered frame with its true one, and its change from the frame before with the true change.

    A frame that is in several splits gets a row in each; one that is in none (a guard band) gets none. A region that
    a frame lacks has no row. Values that are not finite (a region at the image's border, for SSIM) have none either.
    A row of `flicker` bears the later frame's number; its region is that of either frame.

    Args:
        frames: the true and the rendered frames.
        metrics: metric name → function.
        name: the name of the work, for the progress line.
        readings: landmarks of both, for `landmark_error`; None where there are none.
        workers: threads that measure frames side by side; the rows are the same for any number.
    """
    next_in_time = follows(frames.arrays["time_s"])
    # In the order of time, so that a frame's predecessor was just read.
    order = [int(index) for index in np.argsort(frames.position)]
    read = functools.lru_cache(2 * workers + 2)(lambda index: _frame(frames, index))

    def rows_of(pair: tuple[int | None, int]) -> tuple[_Frame | None, list[tuple]]:
        here = read(pair[1])
        if here is None:
            return None, []
        rows = list(_measured(here, metrics))
        before = None if pair[0] is None else read(pair[0])
        if before is not None and before.position == here.position - 1 and next_in_time[here.position]:
            rows += _flickered(before, here)
        if readings is not None:
            errors = readings.errors(pair[1])
            rows += [(split, region, "landmark_error", value) for region, value in errors.items()
                     for split in here.inside]  # fmt: skip
        return here, [row for row in rows if np.isfinite(row[-1])]

    rows: list[tuple] = []
    shares: dict[str, dict[str, list[float]]] = {}
    with ThreadPoolExecutor(workers) as pool:
        pairs = zip([None, *order], order, strict=False)
        for here, found in track(_ahead(pool, rows_of, pairs, 2 * workers), name, len(order)):
            if here is None:
                continue
            source = int(frames.arrays["frame"][here.position])
            rows += [(source, *row) for row in found]
            for region, mask in here.masks.items():
                for split in here.inside:
                    share = 1.0 if mask is None else float(mask.double().mean())
                    shares.setdefault(split, {}).setdefault(region, []).append(share)
    return Measured(
        pd.DataFrame(rows, columns=list(COLUMNS)),
        _each(shares, lambda share: share),
        _each(shares, lambda share: -10 * np.log10(share)),
    )


def _ahead(pool: ThreadPoolExecutor, function: Callable[[_T], _R], items: Iterable[_T], most: int) -> Iterator[_R]:
    """`pool.map`, in order, with no more than `most` results waiting."""
    waiting: deque[Future[_R]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _measured(here: _Frame, metrics: Mapping[str, Metric]) -> Iterator[tuple[str, str, str, float]]:
    """Split, region, metric and value of one frame."""
    for metric, function in metrics.items():
        score = function(here.truth, here.image)
        for region, mask in here.masks.items():
            value = score(mask)
            yield from ((split, region, metric, value) for split in here.inside)


def _flickered(before: _Frame, here: _Frame) -> Iterator[tuple[str, str, str, float]]:
    """The same of two frames that follow each other, in the splits and regions that both have."""
    score = flicker((before.truth, here.truth), (before.image, here.image))
    both = [split for split in here.inside if split in before.inside]
    for region in (region for region in here.masks if region in before.masks):
        one, other = before.masks[region], here.masks[region]
        value = score(None if one is None or other is None else one | other)
        yield from ((split, region, "flicker", value) for split in both)


def _frame(frames: Frames, index: int) -> _Frame | None:
    """One rendered frame; None where it is in no split."""
    position = int(frames.position[index])
    inside = [split for split, members in frames.splits().items() if members[position]]
    if not inside:
        return None
    masks = region_masks(np.asarray(frames.classes[position]), frames.landmarks(position))
    return _Frame(
        position,
        inside,
        as_tensor(frames.truth[position]),
        as_tensor(frames.rendered[index]),
        {region: None if mask is None else torch.from_numpy(mask) for region, mask in masks.items()},
    )


def _each(
    shares: dict[str, dict[str, list[float]]], function: Callable[[np.ndarray], np.ndarray]
) -> dict[str, dict[str, float]]:
    """split → region → mean of a function of the shares, to six places (and no negative zero)."""
    return {
        split: {region: round(float(function(np.array(values)).mean()), 6) + 0.0 for region, values in regions.items()}
        for split, regions in shares.items()
    }
