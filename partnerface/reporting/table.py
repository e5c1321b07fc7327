"""Tables for readers: methods as rows, metrics as columns, the best of each column marked, notes beneath."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

from partnerface.conventions import REGIONS
from partnerface.progress import clock
from partnerface.reporting.bootstrap import Interval
from partnerface.reporting.budget import Budget
from partnerface.reporting.paired import Difference, Gap
from partnerface.reporting.results import Mean


class Style(NamedTuple):
    """How a metric is printed."""

    name: str
    unit: str
    decimals: int
    more_is_better: bool


STYLES = {
    "psnr": Style("PSNR", "dB", 2, True),
    "psnr_image": Style("PSNR, image area", "dB", 2, True),
    "ssim": Style("SSIM", "", 4, True),
    "ms_ssim": Style("MS-SSIM", "", 4, True),
    "l1": Style("L1", "", 4, False),
    "lpips_alex": Style("LPIPS alex", "", 4, False),
    "lpips_vgg": Style("LPIPS vgg", "", 4, False),
    "flip": Style("FLIP", "", 4, False),
    "flicker": Style("flicker", "", 4, False),
    "landmark_error": Style("landmarks", "%", 2, False),
}
#: What stands behind the metrics of a method.
COSTS = ("parameters", "steps x rays", "training", "memory")


@dataclass(frozen=True)
class Cell:
    """One number as text (`23.41` or `23.41 ± 0.08`), its interval (`[23.1, 23.7]`), and how it stands.

    Attributes:
        best: the best of its column; of a difference, surely better.
        worse: of a difference, surely worse.
    """

    text: str
    best: bool = False
    interval: str = ""
    worse: bool = False

    @property
    def label(self) -> str:
        """The text, with a word where a mark alone would say too little."""
        return f"{self.text} (worse)" if self.worse else self.text


@dataclass(frozen=True)
class Table:
    """Rows of labels and cells under headings, with notes beneath.

    Attributes:
        title: what is in it.
        labels: headings of the label columns.
        headings: headings of the number columns, with the arrow to the better side.
        rows: (labels, cells) each; consecutive rows with one first label belong together.
        notes: sentences.
    """

    title: str
    labels: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Cell, ...]], ...]
    notes: tuple[str, ...] = ()


def heading(metric: str) -> str:
    """`psnr` → `PSNR [dB] ↑`."""
    style = STYLES[metric]
    return f"{style.name}{f' [{style.unit}]' if style.unit else ''} {'↑' if style.more_is_better else '↓'}"


def number(mean: Mean | None) -> str:
    """A value with the decimals of its metric and ± its spread over seeds; `—` when there is none."""
    if mean is None:
        return "—"
    decimals = STYLES[mean.metric].decimals
    return f"{mean.value:.{decimals}f}" + ("" if mean.spread is None else f" ± {mean.spread:.{decimals}f}")


def span(interval: Interval | None, decimals: int, sign: bool = False) -> str:
    """An interval in brackets; empty where there is none."""
    return "" if interval is None else f"[{', '.join(_text(end, decimals, sign) for end in interval)}]"


def _text(value: float, decimals: int, sign: bool = False) -> str:
    """A number with a true minus, and a plus where signs are wanted; no negative nought."""
    text = f"{round(value, decimals) + 0.0:{'+' if sign else ''}.{decimals}f}"
    return text.replace("-", "−")


def split_table(
    means: Iterable[Mean],
    split: str,
    title: str,
    methods: Sequence[str] | None = None,
    budgets: Mapping[str, Budget] | None = None,
    notes: tuple[str, ...] = (),
) -> Table:
    """Regions and methods as rows, metrics as columns, for one split.

    Args:
        means: of any splits.
        split: the one that is shown.
        title, notes: of the table.
        methods: those that are shown, in their order; None for all of them.
        budgets: method → what it cost, in columns behind the metrics; None leaves the columns away.
    """
    found = {(mean.region, mean.method, mean.metric): mean for mean in means if mean.split == split}
    metrics = [metric for metric in STYLES if any(key[2] == metric for key in found)]
    rows = []
    for region in dict.fromkeys(key[0] for key in found if key[0] in REGIONS):
        there = list(dict.fromkeys(key[1] for key in found if key[0] == region))
        shown = there if methods is None else [method for method in methods if method in there]
        best = {metric: _best([found.get((region, method, metric)) for method in shown]) for metric in metrics}
        for method in shown:
            cells = [_cell(found.get((region, method, metric)), best[metric]) for metric in metrics]
            cells += [] if budgets is None else map(Cell, costs(budgets[method]))
            rows.append(((region, method), tuple(cells)))
    headings = (*map(heading, metrics), *(() if budgets is None else COSTS))
    return Table(title, ("region", "method"), headings, tuple(rows), notes)


def _cell(mean: Mean | None, best: str | None) -> Cell:
    text = number(mean)
    interval = "" if mean is None else span(mean.interval, STYLES[mean.metric].decimals)
    return Cell(text, text.split(" ")[0] == best, interval)


def _best(means: list[Mean | None]) -> str | None:
    """The best value as it is printed; None where there is nothing to choose from."""
    present = [mean for mean in means if mean is not None]
    if len({number(mean).split(" ")[0] for mean in present}) < 2:
        return None
    choose = max if STYLES[present[0].metric].more_is_better else min
    return number(choose(present, key=lambda mean: mean.value)).split(" ")[0]


def costs(budget: Budget) -> tuple[str, ...]:
    """A budget under the headings `COSTS`; `—` for what is not known, or not needed."""
    parameters, steps, rays, seconds, memory = astuple(budget)
    return (
        "—" if parameters is None else f"{parameters:,}".replace(",", " "),
        "—" if steps is None or rays is None else f"{steps} x {rays}",
        "—" if seconds is None else clock(seconds),
        "—" if memory is None else f"{memory:.0f} MB",
    )


def difference_table(found: Iterable[Difference], split: str, title: str, rivals: Sequence[str]) -> Table:
    """Regions and rivals as rows, the lead's value minus the rival's as cells, for one split.

    A difference is marked where its interval holds no 0: as best where the lead is better, as worse where it is not.
    """
    cells = {(one.region, one.rival, one.metric): one for one in found if one.split == split and one.rival in rivals}
    metrics = [metric for metric in STYLES if any(key[2] == metric for key in cells)]
    rows = [
        ((region, rival), tuple(_difference(cells.get((region, rival, metric))) for metric in metrics))
        for region in REGIONS
        for rival in rivals
        if any(key[:2] == (region, rival) for key in cells)
    ]
    return Table(title, ("region", "minus"), tuple(map(heading, metrics)), tuple(rows))


def _difference(one: Difference | None) -> Cell:
    if one is None:
        return Cell("—")
    style = STYLES[one.metric]
    low, high = one.interval if style.more_is_better else (-one.interval.high, -one.interval.low)
    return Cell(_text(one.value, style.decimals, True), low > 0, span(one.interval, style.decimals, True), high < 0)


def gap_table(gaps: Iterable[Gap], title: str) -> Table:
    """Regions and methods as rows; training frames, and each held-out split with its distance from them, as columns."""
    cells = {(gap.region, gap.method, gap.split): gap for gap in gaps if gap.region in REGIONS}
    splits = list(dict.fromkeys(split for _, _, split in cells))
    methods = list(dict.fromkeys(method for _, method, _ in cells))
    rows = []
    for region, method in ((region, method) for region in REGIONS for method in methods):
        found = [cells.get((region, method, split)) for split in splits]
        train = next((gap.train for gap in found if gap is not None), None)
        if train is None:
            continue
        row = [Cell(_text(train, 2))]
        for gap in found:
            row += [Cell("—")] * 2 if gap is None else [Cell(_text(gap.heldout, 2)), _gap(gap)]
        rows.append(((region, method), tuple(row)))
    headings = ("train", *(word for split in splits for word in (split, f"train minus {split}")))
    return Table(title, ("region", "method"), headings, tuple(rows))


def _gap(gap: Gap) -> Cell:
    return Cell(_text(gap.value, 2, True), interval=span(gap.interval, 2, True))
