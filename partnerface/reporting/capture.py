"""The report on the clip's quality: the verdict, the measures, which poses it covers, and its course over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.artefacts.files import read_json
from partnerface.artefacts.layout import SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting.assets import Media, Missing, Shelf
from partnerface.reporting.plots import WARN, Line, Panel, draw, series_colour

#: Digits behind the point by size, so that 0.37, 5.4 and 142 all show what matters.
_DIGITS = ((10, 2), (100, 1))
STATES = ("good", "usable", "poor")
#: Colours of closed eyes and of a covered face in the time line.
SHUT, COVERED = series_colour(2), series_colour(4)


@dataclass(frozen=True)
class Measure:
    """One row of the table; `state` is None where it could not be measured."""

    title: str
    value: str
    state: str | None
    good: str
    poor: str


@dataclass(frozen=True)
class Capture:
    """What capture.json says.

    Attributes:
        verdict: one of `STATES`.
        line: the verdict with the weightiest advice.
        advice: all of it, the weightiest first.
        measures: the table's rows.
        poses, timeline: SVG.
        facts: a few more numbers in words.
    """

    verdict: str
    line: str
    advice: tuple[str, ...]
    measures: tuple[Measure, ...]
    poses: str
    timeline: str
    facts: tuple[str, ...]
    sheet: Media | Missing

    missing = False


def capture(shelf: Shelf, subject: SubjectFolder) -> Capture | Missing:
    """Read capture.json and draw it."""
    try:
        found = read_json(subject.capture, "capture")
        if found["verdict"] not in STATES:
            raise KeyError("verdict")
        return Capture(
            found["verdict"],
            str(found["line"]),
            tuple(map(str, found["advice"])),
            tuple(map(_measure, found["measures"])),
            draw_poses(found["poses"]),
            _timeline(found),
            tuple(_facts(found["more"])),
            shelf.picture(subject.capture_sheet, "capture"),
        )
    except ArtefactError as error:
        return Missing(shelf.say(error))
    except (KeyError, TypeError, ValueError, IndexError):
        return Missing("capture.json is of another form; run `partnerface capture` again")


def number(value: float, unit: str = "") -> str:
    """`0.37`, `5.4 %`, `142 px`, `12°`."""
    digits = next((digits for below, digits in _DIGITS if abs(value) < below), 0)
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}°" if unit == "°" else f"{text} {unit}".rstrip()


def _measure(row: Mapping[str, Any]) -> Measure:
    unit, value, state = str(row["unit"]), row["value"], row["state"]
    if state not in (*STATES, None):
        raise KeyError("state")
    good, poor = float(row["good"]), float(row["poor"])
    more = good > poor
    return Measure(
        str(row["title"]),
        "not measured" if value is None else number(float(value), unit),
        state,
        f"{'≥' if more else '≤'} {number(good, unit)}",
        f"{'≤' if more else '≥'} {number(poor, unit)}",
    )


def _facts(more: Mapping[str, Any]) -> list[str]:
    pose = more["median_pose_deg"]
    turned = ", ".join(f"{name} {number(float(pose[name]), '°')}" for name in ("yaw", "pitch", "roll"))
    blinks, longest = float(more["blinks_per_minute"]), float(more["longest_blink_s"])
    return [
        f"{number(blinks)} blinks per minute, the longest {number(longest, 's')}",
        f"median pose beside a head that faces the camera: {turned}",
        f"the skin reflects {number(float(more['skin_luminance_percent']), '%')} of white",
        f"{int(more['frames_looked_at'])} frames were looked at pixel by pixel",
    ]


def draw_poses(found: Mapping[str, Any], cell: int = 22) -> str:
    """The histogram yaw x pitch as SVG in the page's colours: the stronger a cell, the longer the head was there."""
    yaw, pitch = (np.asarray(found[name], float) for name in ("yaw_edges_deg", "pitch_edges_deg"))
    counts = np.asarray(found["frames"], float)
    if counts.shape != (len(yaw) - 1, len(pitch) - 1):
        raise ValueError("the histogram does not fit its edges")
    left, top = 62, 10
    width, height = counts.shape[0] * cell, counts.shape[1] * cell
    parts = [
        f'<svg class="poses" viewBox="0 0 {left + width + 14} {top + height + 44}" role="img" '
        'aria-label="How long the head was turned where">',
        f'<rect class="field" x="{left}" y="{top}" width="{width}" height="{height}"/>',
    ]
    most = max(counts.max(), 1)
    for column, row in np.argwhere(counts > 0):
        # The subject's left is the picture's right, as one sees it; up is up.
        x, y = left + int(column) * cell, top + height - (int(row) + 1) * cell
        # The square root keeps cells that were visited briefly in sight.
        share = float(np.sqrt(counts[column, row] / most))
        parts.append(
            f'<rect class="cell" x="{x + 0.5}" y="{y + 0.5}" width="{cell - 1}" height="{cell - 1}" rx="2" '
            f'fill-opacity="{0.15 + 0.85 * share:.2f}"><title>{counts[column, row]:.0f} frames</title></rect>'
        )
    zero_x = left + width * (0 - yaw[0]) / (yaw[-1] - yaw[0])
    zero_y = top + height * (pitch[-1] - 0) / (pitch[-1] - pitch[0])
    parts.append(f'<path class="axis" d="M{zero_x:.1f} {top}V{top + height}M{left} {zero_y:.1f}H{left + width}"/>')
    for value in yaw[::3]:
        x = left + width * (value - yaw[0]) / (yaw[-1] - yaw[0])
        parts.append(f'<text x="{x:.1f}" y="{top + height + 15}" text-anchor="middle">{_degrees(value)}</text>')
    for value in pitch[::3]:
        y = top + height * (pitch[-1] - value) / (pitch[-1] - pitch[0])
        parts.append(f'<text x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{_degrees(value)}</text>')
    parts += [
        f'<text x="{left + width / 2}" y="{top + height + 36}" text-anchor="middle">'
        "turned to their right ← → to their left</text>",
        f'<text transform="translate(14 {top + height / 2}) rotate(-90)" text-anchor="middle">down ← → up</text>',
    ]
    return "".join([*parts, "</svg>"])


def _degrees(value: float) -> str:
    return f"{value:.0f}°".replace("-", "−")


def _timeline(found: Mapping[str, Any]) -> str:
    """Mouth, eyes, sharpness and light one above the other; dropped and covered stretches tinted in all."""
    course = found["timeline"]
    time, looked = (np.asarray(course[name], float) for name in ("time_s", "looked_at_s"))
    tints = [*_spans(found["dropped_s"], WARN), *_spans(found["covered_s"], COVERED)]
    shut = _spans([closure[:2] for closure in found["closures_s"]], SHUT)

    def panel(x: np.ndarray, name: str, title: str, colour: int, more: Sequence = (), label: str = "") -> Panel:
        values = np.asarray(course[name], float)
        if values.shape != x.shape:
            raise ValueError(name)
        line = Line(*_broken(x, values), series_colour(colour), width=1)
        return Panel([line], label, title, spans=[*tints, *more], from_zero=name != "light_percent")

    return draw(
        [
            panel(time, "mouth_percent", "opening of the mouth [% of the eye corners' distance]", 1),
            panel(time, "eyes_percent", "opening of the eyes [% of the usual]", 2, shut),
            panel(looked, "sharpness", "sharpness of the face", 0),
            panel(looked, "light_percent", "light on the face [% above the usual]", 3, label="time [s]"),
        ],
        height=1.15,
        stacked=True,
    )


def _spans(ranges: Sequence[Sequence[float]], colour: str) -> list[tuple[float, float, str]]:
    return [(float(start), float(end), colour) for start, end in ranges]


def _broken(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A line that is interrupted where frames were dropped."""
    if len(x) < 3:
        return x, y
    steps = np.diff(x)
    gaps = np.flatnonzero(steps > max(3 * float(np.median(steps)), 0.3)) + 1
    return np.insert(x, gaps, x[gaps]), np.insert(y, gaps, np.nan)
