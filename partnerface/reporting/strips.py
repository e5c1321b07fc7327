"""Strips of time: which frames were kept, which belong to which split."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Strip:
    """Coloured stretches over `total` frames.

    Attributes:
        label: the name of the row.
        total: how many frames it is long.
        stretches: (first frame, how many frames, kind), the kind naming a colour of the page.
        count: frames that are marked.
    """

    label: str
    total: int
    stretches: tuple[tuple[int, int, str], ...]
    count: int


def strip(label: str, kinds: Sequence[str | None]) -> Strip:
    """One kind per frame, None for an unmarked one."""
    stretches, start = [], 0
    for kind, members in groupby(kinds):
        length = len(list(members))
        if kind is not None:
            stretches.append((start, length, kind))
        start += length
    return Strip(label, len(kinds), tuple(stretches), sum(kind is not None for kind in kinds))
