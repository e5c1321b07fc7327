"""A tracked clip measured from end to end: all that capture.json says."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.capture.coverage import (
    PITCH_EDGES,
    YAW_EDGES,
    expressions,
    facing,
    gaze_degrees,
    pose_histogram,
    poses,
    spread,
)
from partnerface.capture.face import FaceTrack
from partnerface.capture.light import Light, SteadyPoints, covered, covered_share, light, runs
from partnerface.capture.pixels import FacePixels, look, sample
from partnerface.capture.verdict import judge
from partnerface.head.blinks import closures, relative_opening
from partnerface.head.model import HeadModel

#: The mouth is open where the inner lips are further apart than this, in eye corner distances: some 4 mm.
MOUTH_OPEN = 0.04
#: The widest opening is taken at this quantile: one frame may be an error.
WIDEST = 0.99
#: The mouth shows teeth where at least this share of its inside looks like them.
TEETH = 0.1
#: A frame is blurred where its sharpness is below this share of the clip's sharp frames, which this quantile stands
#: for: the eyes' corners smear over a hundredth of their distance.
BLURRED, SHARP_QUANTILE = 0.6, 0.8
#: Below this rate blinks fall between frames.
LEAST_FPS_FOR_BLINKS = 10.0
#: A time line of a long clip shows every so many frames, so that it has at most so many points.
MOST_POINTS = 4000


def assess(
    frames: ClipArray | Sequence[np.ndarray],
    classes: ClipArray | Sequence[np.ndarray],
    face: FaceTrack,
    head: HeadModel,
    tracking: dict[str, np.ndarray],
    sources: Sequence[tuple[float, str]],
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measure and judge a clip of N stored frames.

    Args:
        frames: N images (h, w, 3) uint8 sRGB.
        classes: N (h, w) uint8.
        face: where it is.
        head, tracking: the fitted head and the arrays of tracking.npz.
        sources: time and status of each source frame, as in frames.csv.
        on_frame: called after each frame that is looked at with how many of how many.

    Returns:
        JSON types without NaN: `verdict`, `line`, `advice`, `measures`, and what the report draws.
    """
    chosen = sample(len(face))
    done = iter(range(1, len(chosen) + 1))
    pixels = look(frames, classes, face, chosen, lambda: on_frame(next(done), len(chosen)))
    rest = (head.template[head.mediapipe_faces] * head.mediapipe_weights[..., None]).sum(1)
    steady = SteadyPoints.of_face(rest)
    seen, colours = steady.seen(facing(head, tracking, chosen)), pixels.colours[:, steady.points]
    lit = light(colours, seen, face.time_s[chosen], chosen)
    share = covered_share(colours, seen, lit.change, steady.near)
    hidden = covered(share, face.confidence[chosen], face.found[chosen])
    pose, mouth = poses(tracking), face.mouth_opening()
    eyes = relative_opening(face.eye_opening(), face.time_s)
    shut = closures(eyes, face.time_s)
    blurred = pixels.sharpness < BLURRED * np.quantile(pixels.sharpness, SHARP_QUANTILE)
    step = typical_step(face.time_s)
    length = usable_length(face.time_s, step)
    moves, gaze = expressions(head, tracking), gaze_degrees(tracking)
    blinks = [closure for closure in shut if closure.blink]
    values = {
        "length_s": length,
        "frames_kept": len(face),
        "dropped_percent": 100 * (1 - sum(status == "kept" for _, status in sources) / max(len(sources), 1)),
        "not_found_percent": 100 * (~face.found).mean(),
        "face_height_px": np.median(face.height()),
        "sharpness": np.median(pixels.sharpness),
        "blurred_percent": 100 * blurred.mean(),
        "yaw_range_deg": spread(pose.angles[:, 0]),
        "pitch_range_deg": spread(pose.angles[:, 1]),
        "roll_range_deg": spread(pose.angles[:, 2]),
        "mouth_motion_mm": moves.mouth_mm,
        "brow_motion_mm": moves.brows_mm,
        "expression_directions": moves.directions,
        "mouth_widest_percent": 100 * np.quantile(mouth, WIDEST),
        "mouth_open_percent": 100 * (mouth > MOUTH_OPEN).mean(),
        "teeth_percent": 100 * (np.nan_to_num(pixels.teeth) > TEETH).mean(),
        "blinks": len(blinks) if step * LEAST_FPS_FOR_BLINKS <= 1 else None,
        "gaze_range_deg": spread(gaze[:, 0]),
        **_light_values(pixels, lit),
        "covered_percent": 100 * hidden.mean(),
    }
    numbers = {name: finite(value) for name, value in values.items()}
    verdict = judge(numbers)
    return {
        "verdict": verdict.word,
        "line": verdict.line,
        "advice": verdict.advice,
        "measures": [
            {
                "name": found.rule.name, "title": found.rule.title, "unit": found.rule.unit, "value": found.value,
                "state": found.state, "good": found.rule.good, "poor": found.rule.poor,
            }
            for found in verdict.findings
        ],
        "more": {
            "frames_source": len(sources),
            "frames_dropped": dict(Counter(status for _, status in sources if status != "kept")),
            "frames_looked_at": len(chosen),
            "median_pose_deg": dict(zip(("yaw", "pitch", "roll"), rounded(pose.middle), strict=True)),
            "gaze_vertical_range_deg": finite(spread(gaze[:, 1])),
            "face_motion_mm": finite(moves.face_mm),
            "blinks_per_minute": finite(60 * len(blinks) / length),
            "longest_blink_s": finite(max((blink.length_s for blink in blinks), default=0.0)),
            "longest_eyes_shut_s": finite(max((closure.length_s for closure in shut), default=0.0)),
            "skin_luminance_percent": finite(100 * lit.level),
            "confidence_least": finite(face.confidence[face.found].min()) if face.found.any() else None,
        },
        "covered_s": [
            [finite(face.time_s[chosen[a]]), finite(face.time_s[chosen[b - 1]])] for a, b in runs(hidden)
        ],
        "closures_s": [[finite(closure.start_s), finite(closure.end_s), closure.blink] for closure in shut],
        "dropped_s": dropped_ranges(sources),
        "poses": {
            "yaw_edges_deg": YAW_EDGES.tolist(),
            "pitch_edges_deg": PITCH_EDGES.tolist(),
            "frames": pose_histogram(pose.angles).tolist(),
        },
        "timeline": _timeline(face, mouth, eyes, pixels, lit, share),
        "examples": _examples(face, pose.angles, mouth, eyes, pixels, lit, share),
    }  # fmt: skip


def _light_values(pixels: FacePixels, lit: Light) -> dict[str, float]:
    """The measures of light, in percent; NaN where no frame shows enough skin."""
    known = np.isfinite(pixels.white)
    white, black, brightest = (
        100 * float(np.median(values[known])) if known.any() else math.nan
        for values in (pixels.white, pixels.black, pixels.brightest)
    )
    return {
        "light_drift_percent": 100 * lit.drift,
        "flicker_percent": 100 * lit.flicker,
        "white_percent": white,
        "black_percent": black,
        "brightest_percent": brightest,
    }


def typical_step(time_s: np.ndarray) -> float:
    """Seconds from one frame to the next; 1 for a single frame."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0


def usable_length(time_s: np.ndarray, step: float) -> float:
    """Seconds of film: gaps of dropped frames do not count."""
    return float(np.minimum(np.diff(time_s), 1.5 * step).sum() + step)


def dropped_ranges(sources: Sequence[tuple[float, str]]) -> list[list[float | None]]:
    """[from, to] in seconds of the stretches that were dropped, each up to the next kept frame."""
    times = [time for time, _ in sources]
    mask = np.array([status != "kept" for _, status in sources], bool)
    return [[finite(times[a]), finite(times[min(b, len(times) - 1)])] for a, b in runs(mask)]


def _timeline(
    face: FaceTrack, mouth: np.ndarray, eyes: np.ndarray, pixels: FacePixels, lit: Light, share: np.ndarray
) -> dict[str, list[float]]:
    every = -(-len(face) // MOST_POINTS)
    return {
        "time_s": rounded(face.time_s[::every]),
        "mouth_percent": rounded(100 * mouth[::every]),
        "eyes_percent": rounded(100 * eyes[::every]),
        "looked_at_s": rounded(face.time_s[pixels.frames]),
        "sharpness": rounded(pixels.sharpness),
        "light_percent": rounded(100 * np.expm1(lit.change)),
        "strange_percent": rounded(100 * share),
    }


def _examples(
    face: FaceTrack,
    angles: np.ndarray,
    mouth: np.ndarray,
    eyes: np.ndarray,
    pixels: FacePixels,
    lit: Light,
    share: np.ndarray,
) -> list[list[Any]]:
    """[words, position] of the frames at the ends of the measures, to be looked at."""
    of_all = {
        "to their right": angles[:, 0].argmin(),
        "to their left": angles[:, 0].argmax(),
        "head lowest": angles[:, 1].argmin(),
        "head highest": angles[:, 1].argmax(),
        "mouth widest": mouth.argmax(),
        "eyes most shut": eyes.argmin(),
    }
    of_sample = {
        "sharpest": pixels.sharpness.argmax(),
        "most blurred": pixels.sharpness.argmin(),
        "darkest": lit.change.argmin(),
        "brightest": lit.change.argmax(),
        "most like covered": share.argmax(),
    }
    teeth = np.nan_to_num(pixels.teeth)
    if teeth.max() > TEETH:
        of_sample["most teeth"] = teeth.argmax()
    found = {**of_all, **{words: pixels.frames[row] for words, row in of_sample.items()}}
    return [[words, int(position)] for words, position in found.items()]


def finite(value: Any) -> float | None:
    """A number as JSON takes it, to six digits; None for what could not be measured."""
    return None if value is None or not math.isfinite(value) else float(f"{float(value):.6g}")


def rounded(values: np.ndarray) -> list[float]:
    """Numbers to four decimals."""
    return np.round(np.asarray(values, float), 4).tolist()
