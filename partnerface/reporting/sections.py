"""Which tables there are, in which order, and what is said under them."""

import statistics
from dataclasses import dataclass, replace

from partnerface.conventions import METHODS_COMPARED
from partnerface.reporting.budget import budget
from partnerface.reporting.paired import LEAD, gaps, paired_differences
from partnerface.reporting.protocol import sentences
from partnerface.reporting.results import Group, Mean, differences, method_of
from partnerface.reporting.table import Table, difference_table, gap_table, split_table

#: Under a table of differences.
ON_DIFFERENCES = (
    f"{LEAD} minus the method of the row, frame by frame on the same frames, with the interval of that difference. "
    f"Bold: the interval holds no 0 and {LEAD} is better; (worse): it holds no 0 and {LEAD} is worse."
)
#: Under the table of the gap.
ON_GAPS = "PSNR in dB on training frames and on held-out ones; what lies between them was learnt by heart."


@dataclass(frozen=True)
class Section:
    """The tables of one group, and the sentences of its protocol."""

    title: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


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
        result.append(Section(title, tuple(_tables(group)), tuple(sentences(group)), warnings))
    return result


def _tables(group: Group) -> list[Table]:
    """The main comparison, the differences in it, the ablations, the differences in them, and the gap."""
    compared = [method for method in group.runs if method_of(method) in METHODS_COMPARED]
    ablations = [method for method in group.runs if method not in compared]
    tables = _comparison(group, compared, "")
    if ablations:
        beside = [method for method in compared if method == LEAD]
        tables += _comparison(group, [*beside, *ablations], "ablations, ")
    found = gaps(group)
    if found:
        tables.append(replace(gap_table(found, "training frames against held-out ones"), notes=(ON_GAPS,)))
    return tables


def _comparison(group: Group, methods: list[str], prefix: str) -> list[Table]:
    """A table of some methods per split, then the lead's differences from them per held-out split."""
    splits = {
        name: split["scored_frames"]
        for name, split in group.protocol["comparable"]["splits"].items()
        if split["scored_frames"]
    }
    budgets = {method: budget(group.runs[method]) for method in methods}
    means, paired = group.means(), paired_differences(group)
    tables = [
        split_table(means, name, f"{prefix}{name} ({frames} frames)", methods, budgets)
        for name, frames in splits.items()
    ]
    tables += [
        difference_table(paired, name, f"{prefix}{name}: {LEAD} minus the others", methods)
        for name in splits
        if name != "train"
    ]
    return [
        replace(table, notes=(ON_DIFFERENCES,)) if table.labels[1] == "minus" else table
        for table in tables
        if table.rows
    ]


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
    return [
        split_table(table, split, f"mean over subjects, {split}", notes=(note,))
        for split in dict.fromkeys(mean.split for mean in table)
    ]
