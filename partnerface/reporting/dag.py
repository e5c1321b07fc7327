"""The road as a drawing: stages as boxes, what they read as curves, as SVG in the page's colours."""

from collections.abc import Mapping
from html import escape

#: Stage → the stages whose files it reads.
READS: Mapping[str, tuple[str, ...]] = {
    "video": (),
    "frames": ("video",),
    "landmarks": ("frames",),
    "tracking": ("frames", "landmarks"),
    "parsing": ("frames", "landmarks", "tracking"),
    "capture": ("frames", "landmarks", "tracking", "parsing"),
    "dataset": ("frames", "landmarks", "tracking", "parsing"),
    "train": ("dataset",),
    "render": ("dataset", "train"),
    "evaluate": ("dataset", "render"),
    "tables": ("evaluate",),
    "report": ("tables", "render"),
}
#: What each stage leaves, in a few words.
LEAVES = {
    "video": "one clip",
    "frames": "square crops",
    "landmarks": "478 points",
    "tracking": "shape, pose, jaw",
    "parsing": "classes, alpha",
    "capture": "verdict, advice",
    "dataset": "splits",
    "train": "avatar",
    "render": "held-out frames",
    "evaluate": "metrics",
    "tables": "csv, md, tex",
    "report": "this page",
}
ROWS = (
    ("video", "frames", "landmarks", "tracking", "parsing", "dataset"),
    ("capture", "train", "render", "evaluate", "tables", "report"),
)

_WIDTH, _HEIGHT, _STEP, _LEFT = 118, 44, 150, 8
_TOPS = (76, 214)


def dag(notes: Mapping[str, str], runs: int, subjects: int) -> str:
    """Draw the road.

    Args:
        notes: stage → a third line in its box, such as its time.
        runs: how many runs (methods x seeds) there are per subject, at most.
        subjects: how many subjects.
    """
    place = {
        stage: (_LEFT + column * _STEP, _TOPS[row])
        for row, stages in enumerate(ROWS)
        for column, stage in enumerate(stages)
    }
    width, height = _LEFT * 2 + 5 * _STEP + _WIDTH, _TOPS[1] + _HEIGHT + 62
    parts = [
        f'<svg class="dag" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The stages and what each of them reads">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 .8 7 4 0 7.2z" class="tip"/></marker></defs>',
    ]
    x0, x1 = place["train"][0] - 12, place["evaluate"][0] + _WIDTH + 12
    y = _TOPS[1]
    parts += [
        f'<rect class="many" x="{x0}" y="{y - 16}" width="{x1 - x0}" height="{_HEIGHT + 38}" rx="10"/>',
        f'<text class="many-label" x="{x0 + 10}" y="{y + _HEIGHT + 38}">once per method and seed: {runs}</text>',
        f'<text class="many-label" x="{_LEFT}" y="14">once per subject: {subjects}</text>',
    ]
    parts += [_edge(place, source, stage) for stage, reads in READS.items() for source in reads]
    parts += [_box(stage, *place[stage], notes.get(stage, "")) for stage in READS]
    return "".join([*parts, "</svg>"])


def _box(stage: str, x: float, y: float, note: str) -> str:
    kind = "stage source" if stage == "video" else "stage"
    third = f'<text class="note" x="{x + _WIDTH / 2}" y="{y + _HEIGHT + 14}">{escape(note)}</text>' if note else ""
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="7"/>'
        f'<text class="name" x="{x + _WIDTH / 2}" y="{y + 19}">{stage}</text>'
        f'<text class="leaves" x="{x + _WIDTH / 2}" y="{y + 35}">{LEAVES[stage]}</text>{third}'
    )


def _edge(place: Mapping[str, tuple[float, float]], source: str, stage: str) -> str:
    (x0, y0), (x1, y1) = place[source], place[stage]
    middle = _HEIGHT / 2
    if y0 != y1:  # from one row to the next: down below the note, along, down
        # What goes to the row's first box turns higher than the rest, so that the two do not cross.
        turn = y0 + _HEIGHT + (29 if x1 == _LEFT else 43)
        start, end = x0 + _WIDTH / 2, x1 + _WIDTH / 2
        bend = 8 if end > start else -8
        path = (
            f"M{start} {y0 + _HEIGHT + 18}V{turn - 8}Q{start} {turn} {start + bend} {turn}"
            f"H{end - bend}Q{end} {turn} {end} {turn + 8}V{y1 - 2}"
        )
    elif x1 - x0 < _STEP + 1:  # neighbours
        path = f"M{x0 + _WIDTH} {y0 + middle}H{x1 - 2}"
    else:  # over the boxes between
        span = round((x1 - x0) / _STEP)
        top = y0 - 10 - 14 * (span - 1)
        a, b = x0 + _WIDTH * 0.62, x1 + _WIDTH * (0.5 - 0.12 * (span - 2))
        path = f"M{a} {y0}C{a} {top} {a + 26} {top} {a + 40} {top}H{b - 40}C{b - 14} {top} {b} {top} {b} {y1 - 2}"
    return f'<path class="edge" d="{path}" marker-end="url(#tip)"/>'
