"""The report on tracking: the reprojection error over time."""

from dataclasses import dataclass

import numpy as np

from partnerface.artefacts.files import read_json, read_npz
from partnerface.artefacts.layout import SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.plots import WARN, Line, Panel, draw, series_colour


@dataclass(frozen=True)
class Fit:
    """Reprojection error per frame.

    Attributes:
        plot: SVG.
        median, p95, worst: px of the stored frames.
        worst_frame: source frame of the worst.
        size: edge of the stored frames, px.
        focal: px.
        bridged: frames without landmarks.
        head: name of the head model.
    """

    plot: str
    median: float
    p95: float
    worst: float
    worst_frame: int
    size: int
    focal: float
    frames: int
    bridged: int
    head: str

    missing = False


def fit(shelf: Shelf, subject: SubjectFolder) -> Fit | Missing:
    """Read tracking.npz and draw its errors."""
    try:
        arrays = read_npz(subject.tracking, "tracking")
        error, bridged = np.asarray(arrays["error_px"], float), np.asarray(arrays["bridged"], bool)
        size, focal = int(arrays["image_size"]), float(arrays["focal"])
        head = str(arrays["head_name"])
    except ArtefactError as problem:
        return Missing(shelf.say(problem))
    except KeyError as key:
        return Missing(f"tracking.npz has no {key}; run `partnerface tracking` again")
    seen = ~bridged & np.isfinite(error)
    if not seen.any():
        return Missing("no frame of tracking.npz has landmarks; run `partnerface tracking` again")
    time_s, number = frame_times(subject, len(error))
    median, p95 = (float(np.quantile(error[seen], q)) for q in (0.5, 0.95))
    worst = int(np.argmax(np.where(seen, error, -1)))
    gaps = [(float(time_s[i]), float(time_s[min(i + 1, len(error) - 1)]), WARN) for i in np.flatnonzero(bridged)]
    panel = Panel(
        [Line(time_s, np.where(seen, error, np.nan), series_colour(0))],
        "time [s]" if number is not None else "frame",
        "mean distance of fitted and found landmarks [px]",
        levels=[(median, f"median {median:.2f}"), (p95, f"95 % {p95:.2f}")],
        spans=gaps,
        from_zero=True,
    )
    source = worst if number is None else int(number[worst])
    return Fit(
        draw([panel]), median, p95, float(error[worst]), source, size, focal, len(error), int(bridged.sum()), head
    )


def frame_times(subject: SubjectFolder, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Time and source number of each stored frame; the position alone where frames.json does not tell."""
    try:
        camera = read_json(subject.camera, "frames")
        time_s, kept = np.asarray(camera["time_s"], float), np.asarray(camera["kept"], int)
    except (ArtefactError, KeyError):
        return np.arange(count, dtype=float), None
    if len(time_s) != count or len(kept) != count:
        return np.arange(count, dtype=float), None
    return time_s, kept
