"""The report on masks: how much their outline trembles."""

from dataclasses import dataclass

import numpy as np

from partnerface.artefacts.files import read_npz
from partnerface.artefacts.layout import SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.fit import frame_times
from partnerface.reporting.plots import Line, Panel, draw, series_colour


@dataclass(frozen=True)
class Steadiness:
    """Mean displacement of the mask's outline from frame to frame, the head's own motion taken away.

    Attributes:
        plot: SVG.
        mean, p95, worst: px of the stored frames.
        worst_frame: source frame of the worst.
        size: edge of the stored frames, px.
    """

    plot: str
    mean: float
    p95: float
    worst: float
    worst_frame: int
    size: int

    missing = False


def steadiness(shelf: Shelf, subject: SubjectFolder) -> Steadiness | Missing:
    """Read masks.npz and draw what it says of each frame."""
    try:
        arrays = read_npz(subject.masks, "parsing")
        flicker, size = np.asarray(arrays["flicker_px"], float), int(arrays["image_size"])
    except ArtefactError as problem:
        return Missing(shelf.say(problem))
    except KeyError as key:
        return Missing(f"masks.npz has no {key}; run `partnerface parsing` again")
    seen = np.isfinite(flicker)
    if not seen.any():
        return Missing("no two neighbouring frames have landmarks, so that nothing can be said of the masks' trembling")
    time_s, number = frame_times(subject, len(flicker))
    mean, p95 = float(flicker[seen].mean()), float(np.quantile(flicker[seen], 0.95))
    worst = int(np.argmax(np.where(seen, flicker, -1)))
    panel = Panel(
        [Line(time_s, flicker, series_colour(0))],
        "time [s]" if number is not None else "frame",
        "displacement of the mask's outline from the frame before [px]",
        levels=[(mean, f"mean {mean:.2f}"), (p95, f"95 % {p95:.2f}")],
        from_zero=True,
    )
    source = worst if number is None else int(number[worst])
    return Steadiness(draw([panel], height=1.6), mean, p95, float(flicker[worst]), source, size)
