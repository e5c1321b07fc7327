"""Tables for readers: methods as rows, metrics as columns, the best of each column marked, notes beneath."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from partnerface.conventions import REGIONS
from partnerface.reporting.protocol import sentences
from partnerface.reporting.results import Group, Mean, differences


class Style(NamedTuple):
    """How a metric is printed."""

    name: str
    unit: str
    decimals: int
    more_is_better: bool


STYLES = {
    "psnr": Style("PSNR", "dB", 2, True),
    "ssim": Style("SSIM", "", 4, True),
    "ms_ssim": Style("MS-SSIM", "", 4, True),
    "l1": Style("L1", "", 4, False),
    "lpips_alex": Style("LPIPS alex", "", 4, False),
    "lpips_vgg": Style("LPIPS vgg", "", 4, False),
    "flip": Style("FLIP", "", 4, False),
}


@dataclass(frozen=True)
class Cell:
    """One number as text (`23.41` or `23.41 ± 0.08`), and whether it is the best of its column."""

    text: str
    best: bool = False


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


@dataclass(frozen=True)
class Section:
    """The tables of one group, one per split, and the sentences of its protocol."""

    title: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


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


def split_table(means: Iterable[Mean], split: str, title: str) -> Table:
    """Regions and methods as rows, metrics as columns, for one split."""
    found = {(mean.region, mean.method, mean.metric): mean for mean in means if mean.split == split}
    metrics = [metric for metric in STYLES if any(key[2] == metric for key in found)]
    rows = []
    for region in dict.fromkeys(key[0] for key in found if key[0] in REGIONS):
        methods = list(dict.fromkeys(key[1] for key in found if key[0] == region))
        best = {metric: _best([found.get((region, method, metric)) for method in methods]) for metric in metrics}
        for method in methods:
            texts = {metric: number(found.get((region, method, metric))) for metric in metrics}
            cells = tuple(Cell(text, text.split(" ")[0] == best[metric]) for metric, text in texts.items())
            rows.append(((region, method), cells))
    return Table(title, ("region", "method"), tuple(map(heading, metrics)), tuple(rows))


def _best(means: list[Mean | None]) -> str | None:
    """The best value as it is printed; None where there is nothing to choose from."""
    present = [mean for mean in means if mean is not None]
    if len({number(mean).split(" ")[0] for mean in present}) < 2:
        return None
    choose = max if STYLES[present[0].metric].more_is_better else min
    return number(choose(present, key=lambda mean: mean.value)).split(" ")[0]


def sections(groups: list[Group]) -> list[Section]:
    """Each group's tables; a subject whose runs were measured in different ways gets several sections and a warning."""
    firsts: dict[str, Group] = {}
    result = []
    for group in groups:
        first = firsts.setdefault(group.subject, group)
        title, warnings = group.subject, ()
        if first is not group:
            differ = differences(first.protocol["comparable"], group.protocol["comparable"])
            title = f"{group.subject}, measured differently: {', '.join(group.runs)}"
            warnings = (f"Not comparable with {group.subject} above. {'; '.join(differ)}.",)
        means = group.means()
        tables = tuple(
            split_table(means, name, f"{name} ({split['scored_frames']} frames)")
            for name, split in group.protocol["comparable"]["splits"].items()
            if split["scored_frames"]
        )
        result.append(Section(title, tables, tuple(sentences(group)), warnings))
    return result


def mean_tables(groups: list[Group]) -> list[Table]:
    """Per split, the mean over subjects of the methods that all subjects have; none for a single subject.

    Only subjects that were measured in the same way (but for their own frames and background) are averaged; the
    greatest such set is taken.
    """
    alike: dict[str, list[Group]] = {}
    for group in groups:
        comparable = group.protocol["comparable"]
        same = {name: comparable[name] for name in ("mask_policy", "size", "area_rule", "regions", "metrics")}
        definitions = {name: split["definition"] for name, split in comparable["splits"].items()}
        alike.setdefault(str((same, definitions)), []).append(group)
    members = max(alike.values(), key=len, default=[])
    names = list(dict.fromkeys(group.subject for group in members))
    if len(names) < 2:
        return []
    values: dict[tuple[str, str, str, str], list[Mean]] = {}
    for mean in (mean for group in members for mean in group.means()):
        values.setdefault((mean.method, mean.split, mean.region, mean.metric), []).append(mean)
    table = [
        Mean("", *key, statistics.fmean(mean.value for mean in found), sum(mean.n_frames for mean in found))
        for key, found in values.items()
        if len(found) == len(names)
    ]
    left_out = sorted({group.subject for group in groups} - set(names))
    note = f"Mean over {', '.join(names)}; only methods and regions that all of them have."
    if left_out:
        note += f" Measured differently, so left out: {', '.join(left_out)}."
    tables = [
        split_table(table, split, f"mean over subjects, {split}")
        for split in dict.fromkeys(mean.split for mean in table)
    ]
    return [replace(table, notes=(note,)) for table in tables]
