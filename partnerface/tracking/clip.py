"""The fit of a clip under the settings: what the stage does, what is measured, and what is timed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.config.settings import TrackingSettings
from partnerface.head.model import HeadModel
from partnerface.tracking.fit import FitOptions, Tracking, fit_clip, steps_expected
from partnerface.tracking.priors import Priors

#: Seconds between takes: nothing is smoothed from one to the next, a second or more apart being a cut.
BETWEEN_TAKES_S = 10.0


def clip_time(camera: Mapping[str, Any]) -> np.ndarray:
    """(N,) seconds of the frames of frames.json, takes apart."""
    return np.asarray(camera["time_s"], np.float64) + BETWEEN_TAKES_S * np.asarray(camera["take"])


def frame_scale(camera: Mapping[str, Any]) -> float:
    """Pixels of a frame per pixel of the first clip's picture."""
    left, _, right, _ = camera["clips"][0]["crop"]
    return int(camera["size"]) / (right - left)


def fit_options(settings: TrackingSettings, camera: Mapping[str, Any]) -> FitOptions:
    """The options of the fit for a clip.

    Args:
        settings: the section `tracking`.
        camera: what frames.json says.
    """
    size, clip = int(camera["size"]), camera["clips"][0]
    priors = Priors(expression_std=settings.expression_std).smoother(settings.smoothness)
    return FitOptions(
        keyframes=settings.keyframes,
        offset_rounds=settings.offset_rounds,
        # Cameras show a source picture's longer edge under much the same angle; a crop is as long in focal lengths.
        focal_guess=priors.focal_ratio * max(clip["width"], clip["height"]) * frame_scale(camera),
        fixed_focal=settings.focal_ratio * size if settings.focal_ratio else None,
        refine=settings.refine,
        priors=priors,
    )


def steps_of(settings: TrackingSettings, camera: Mapping[str, Any]) -> int:
    """How many steps `track_clip` takes at most."""
    return steps_expected(fit_options(settings, camera), len(camera["time_s"]))


def track_clip(
    model: HeadModel,
    settings: TrackingSettings,
    camera: Mapping[str, Any],
    points: np.ndarray,
    found: np.ndarray,
    frames: ClipArray | None = None,
    landmark_weights: np.ndarray | None = None,
    on_step: Callable[[], None] | None = None,
) -> Tracking:
    """Fit a head model to a clip of N frames.

    Args:
        model: the head.
        settings: the section `tracking`.
        camera: what frames.json says.
        points: (N, 478, 3) landmarks, px, z relative.
        found: (N,) which frames have some.
        frames: (N, size, size, 3) uint8, for the refinement; None leaves it out.
        landmark_weights: (478,) see `fit_clip`.
        on_step: called after each step, at most `steps_of` times.

    Raises:
        InputError: there are no landmarks in any frame.
    """
    return fit_clip(
        model,
        points,
        found,
        int(camera["size"]),
        clip_time(camera),
        fit_options(settings, camera),
        principal_point=np.asarray(camera["principal_point"], np.float64),
        landmark_weights=landmark_weights,
        frames=frames,
        # Clips may be of different cameras, or of one that was zoomed.
        camera=np.asarray(camera["clip"]),
        on_step=on_step,
    )
