"""The report on tracking: the reprojection error over time, and what the fit makes of the landmarks."""

from dataclasses import dataclass

import numpy as np

from partnerface.artefacts.files import read_json, read_npz
from partnerface.artefacts.layout import SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.plots import MUTED, WARN, Line, Panel, draw, series_colour

#: Curves that are drawn, with the words for them.
SHOWN_CURVES = {
    "mouth_opening": "mouth opening",
    "lip_width": "lip width",
    "eye_opening": "eye opening",
    "brow_height": "brow height",
}


@dataclass(frozen=True)
class Fit:
    """The fit per frame.

    Attributes:
        plot: SVG.
        median, p95, worst: px of the stored frames.
        worst_frame: source frame of the worst.
        size: edge of the stored frames, px.
        focal: px.
        bridged: frames without landmarks.
        head: name of the head model.
        focal_error: relative standard error of the focal length.
        warnings: what tracking warned of.
        curves: SVG of mouth, lids and brows of the fit over the landmarks'.
        angles: SVG of yaw, pitch and roll.
        jitter: of the fit and of the landmarks where the head rests, percent of the distance of the outer eye corners;
            None where it never rests.
        rest: frames in which the head rests.
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
    focal_error: float
    warnings: tuple[str, ...]
    curves: str
    angles: str
    jitter: tuple[float, float] | None
    rest: int

    missing = False


def fit(shelf: Shelf, subject: SubjectFolder) -> Fit | Missing:
    """Read tracking.npz and draw its errors and courses."""
    try:
        arrays = read_npz(subject.tracking, "tracking")
        error, bridged = np.asarray(arrays["error_px"], float), np.asarray(arrays["bridged"], bool)
        size, focal = int(arrays["image_size"]), float(np.median(arrays["focal"]))
        head, warnings = str(arrays["head_name"]), tuple(str(words) for words in arrays["warnings"])
        focal_error, (fitted, found) = float(np.max(arrays["focal_error"])), np.asarray(arrays["jitter_percent"], float)
        over, turns, rest = _courses(arrays), np.asarray(arrays["head_angles"], float), int(arrays["rest"].sum())
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
    x_label = "time [s]" if number is not None else "frame"
    panel = Panel(
        [Line(time_s, np.where(seen, error, np.nan), series_colour(0))],
        x_label,
        "mean distance of fitted and found landmarks [px]",
        levels=[(median, f"median {median:.2f}"), (p95, f"95 % {p95:.2f}")],
        spans=gaps,
        from_zero=True,
    )
    source = worst if number is None else int(number[worst])
    both = [
        Panel(
            [Line(time_s, landmarks, MUTED, width=2.2), Line(time_s, fit, series_colour(0))],
            x_label if name == over[-1][0] else "",
            name,
            spans=gaps,
        )
        for name, fit, landmarks in over
    ]
    three = [Line(time_s, turn, series_colour(k)) for k, turn in enumerate(turns.T)]
    return Fit(
        plot=draw([panel]),
        median=median,
        p95=p95,
        worst=float(error[worst]),
        worst_frame=source,
        size=size,
        focal=focal,
        frames=len(error),
        bridged=int(bridged.sum()),
        head=head,
        focal_error=focal_error,
        warnings=warnings,
        curves=draw(both, height=1.5, stacked=True),
        angles=draw([Panel(three, x_label, "turn [°]", spans=gaps)], height=1.9),
        jitter=(float(fitted), float(found)) if np.isfinite([fitted, found]).all() else None,
        rest=rest,
    )


def _courses(arrays: dict[str, np.ndarray]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Axis label, curve of the fit and curve of the landmarks (N,) of what a reader looks at."""
    names = [str(name) for name in arrays["curve_names"]]
    columns = [(words, names.index(name)) for name, words in SHOWN_CURVES.items() if name in names]
    return [(words, arrays["curves_fit"][:, k], arrays["curves_landmarks"][:, k]) for words, k in columns]


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
