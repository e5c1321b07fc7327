"""Line plots as SVG that takes its colours and its font from the page, so that it follows light and dark.

matplotlib draws with placeholder colours, which are replaced by the page's CSS variables. No text of a user's (method,
file, subject) is drawn into a plot: legends are HTML.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Placeholder → CSS variable. Runs have eight colours, which repeat.
SERIES = 8
_VARIABLES = {
    "#010203": "--ink",
    "#010204": "--muted",
    "#010205": "--rule",
    "#010206": "--warn",
    **{f"#0102{16 + k:02x}": f"--series-{k}" for k in range(SERIES)},
}
INK, MUTED, RULE, WARN = list(_VARIABLES)[:4]


def series_colour(index: int) -> str:
    """The placeholder colour of the k-th run."""
    return f"#0102{16 + index % SERIES:02x}"


@dataclass(frozen=True)
class Line:
    """One line of a plot.

    Attributes:
        x, y: values; NaN breaks the line.
        colour: a placeholder.
        style: a matplotlib line style, or "points".
        width: points.
    """

    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    colour: str = INK
    style: str = "-"
    width: float = 1.2


@dataclass(frozen=True)
class Panel:
    """One pair of axes: lines, a lower and an upper level with a word each, spans (x0, x1, colour), vertical marks."""

    lines: Sequence[Line]
    x_label: str
    y_label: str
    log: bool = False
    levels: Sequence[tuple[float, str]] = ()
    spans: Sequence[tuple[float, float, str]] = ()
    marks: Sequence[float] = ()
    from_zero: bool = False


def draw(panels: Sequence[Panel], height: float = 2.3, width: float = 7.4, stacked: bool = False) -> str:
    """Panels side by side (or one above the other) as one SVG element without a size of its own.

    Args:
        panels: what to draw.
        height: of one row of panels, inches; a page shows an inch as about 100 px.
        width: of the whole, inches.
        stacked: one above the other, with one x axis.
    """
    import matplotlib

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "partnerface",
        "text.parse_math": False,
        "font.size": 8.5,
        "font.family": "sans-serif",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": RULE,
        "axes.labelcolor": MUTED,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "axes.formatter.useoffset": False,
    }
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(settings):
        rows = len(panels) if stacked else 1
        figure = Figure(figsize=(width, height * rows), layout="constrained")
        FigureCanvasSVG(figure)
        grid = figure.subplots(rows, 1 if stacked else len(panels), squeeze=False, sharex=stacked).ravel()
        for axes, panel in zip(grid, panels, strict=True):
            _fill(axes, panel)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _themed(out.getvalue())


def _fill(axes: Any, panel: Panel) -> None:
    from matplotlib.ticker import LogLocator

    for start, end, colour in panel.spans:
        axes.axvspan(start, end, color=colour, alpha=0.10, linewidth=0)
    for x in panel.marks:
        axes.axvline(x, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    for line in panel.lines:
        points = line.style == "points"
        axes.plot(
            line.x,
            line.y,
            color=line.colour,
            linewidth=0 if points else line.width,
            linestyle="none" if points else line.style,
            marker="o" if points else None,
            markersize=2.6,
            markeredgewidth=0,
            alpha=0.8 if points else 1,
        )
    for (y, word), up in zip(panel.levels, (False, True), strict=False):
        axes.axhline(y, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(
            word,
            (1, y),
            (0, 2 if up else -3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="bottom" if up else "top",
            color=INK,
        )
    axes.set_xlabel(panel.x_label)
    axes.set_title(panel.y_label, loc="left", fontsize=8.5, color=INK)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    if panel.log:
        axes.set_yscale("log", subs=[])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    if panel.from_zero:
        axes.set_ylim(bottom=0)


def _themed(svg: str) -> str:
    """Strip what belongs to a file of its own: size, names, fonts, styles for all elements; then set the variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r"<svg[^>]*?viewBox=\"([^\"]*)\"[^>]*>", r'<svg class="plot" viewBox="\1" role="img">', svg, count=1)
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r"href=\"#([^\"]*)\"|url\(#([^)]*)\)", svg))
    names = {name for pair in used for name in pair}
    svg = re.sub(r" id=\"([^\"]*)\"", lambda found: found[0] if found[1] in names else "", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r" font-family: [^;\"]*;?", "", svg)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, f"var({variable})")
    return re.sub(r"\n\s*", "\n", svg)
