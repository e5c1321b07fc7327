"""A tracking over time, for a reader: curves of the fit over those of the landmarks, turns, and frames to look at."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch

from partnerface.artefacts.arrays import ClipArray
from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.angles import euler_degrees
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.head.model import HeadModel
from partnerface.tracking.curves import CURVES, curves, unit_px
from partnerface.tracking.overlay import overlay
from partnerface.tracking.quality import jitter_report, rests
from partnerface.tracking.truth import head_rotation

#: Width of one picture of the sheet, px: landmarks to the left, the mesh to the right.
SHEET_WIDTH = 560
_LABEL_HEIGHT = 20


def course(
    model: HeadModel, tracking: dict[str, np.ndarray], points: np.ndarray, found: np.ndarray, time_s: np.ndarray
) -> dict[str, np.ndarray]:
    """What stands in tracking.npz beside the parameters, for N frames.

    Args:
        model: the head that was fitted.
        tracking: the parameters and `landmarks_px`.
        points: (N, 478, 3) found landmarks, px.
        found: (N,) bool.
        time_s: (N,) growing.

    Returns:
        `unit_px` (N,); `curve_names` (C,), `curves_fit` and `curves_landmarks` (N, C), the latter NaN where none
        were found; `head_angles` (N, 3) degrees from a head that faces the camera: yaw to the subject's left, pitch up,
        roll to the subject's right; `rest` (N,) bool; `jitter_percent` (2,) of the fit and of the landmarks there, NaN
        where the head never rests.
    """
    unit = unit_px(model, tracking)
    fit = np.column_stack(list(curves(tracking["landmarks_px"], unit).values()))
    seen = np.column_stack(list(curves(points, unit).values()))
    seen[~found] = np.nan
    facing = axis_angle_to_matrix(torch.tensor(FACING_CAMERA, dtype=torch.float64))
    rest = np.zeros(len(found), bool)
    for part in rests(points, found, time_s, unit):
        rest[part] = True
    still = jitter_report(tracking["landmarks_px"], points, found, time_s, unit)
    both = [np.nan if still[name] is None else still[name] for name in ("fit_percent", "landmarks_percent")]
    return {
        "unit_px": unit.astype(np.float32),
        "curve_names": np.array(CURVES),
        "curves_fit": fit.astype(np.float32),
        "curves_landmarks": seen.astype(np.float32),
        "head_angles": euler_degrees((facing.T @ head_rotation(tracking)).numpy()).astype(np.float32),
        "rest": rest,
        "jitter_percent": np.array(both, np.float32),
    }


def picks(tracking: dict[str, np.ndarray]) -> list[tuple[str, int]]:
    """Frames worth looking at, each once, with the reason: the worst, the ends of turns and of what the face does, and
    a middling one.

    Args:
        tracking: the arrays of tracking.npz, with those of `course`.
    """
    error = np.asarray(tracking["error_px"], float)
    there = np.flatnonzero(~tracking["bridged"] & np.isfinite(error))
    if len(there) == 0:
        return []
    order = there[np.argsort(error[there], kind="stable")]
    names = [str(name) for name in tracking["curve_names"]]

    def of(name: str) -> np.ndarray:
        return tracking["curves_landmarks"][there, names.index(name)]

    yaw, pitch, roll = tracking["head_angles"][there].T
    wanted = [
        ("worst", order[-1]),
        ("middling", order[len(order) // 2]),
        ("most to the left", there[yaw.argmax()]),
        ("most to the right", there[yaw.argmin()]),
        ("highest", there[pitch.argmax()]),
        ("lowest", there[pitch.argmin()]),
        ("most tilted", there[np.abs(roll - np.median(roll)).argmax()]),
        ("mouth widest open", there[of("mouth_opening").argmax()]),
        ("lips widest", there[of("lip_width").argmax()]),
        ("lips narrowest", there[of("lip_width").argmin()]),
        ("eyes shut", there[of("eye_opening").argmin()]),
        ("brows highest", there[of("brow_height").argmax()]),
    ]
    chosen: dict[int, str] = {}
    for reason, frame in wanted:
        chosen[int(frame)] = f"{chosen[int(frame)]}, {reason}" if int(frame) in chosen else reason
    return [(reason, frame) for frame, reason in chosen.items()]


def sheet_pictures(
    frames: ClipArray, model: HeadModel, tracking: dict[str, np.ndarray], points: np.ndarray
) -> Iterator[np.ndarray]:
    """The frames of `picks` as the overlay draws them, each with its reason above, all of one size.

    Args:
        frames: (N, h, w, 3) uint8.
        model: the head that was fitted.
        tracking: the arrays of tracking.npz.
        points: (N, 478, 3) found landmarks, px.
    """
    chosen = picks(tracking)
    index = np.array([frame for _, frame in chosen], int)
    for (reason, _), drawn in zip(chosen, overlay(frames, model, tracking, points, index), strict=True):
        height = round(SHEET_WIDTH * drawn.shape[0] / drawn.shape[1])
        smaller = drawn.shape[1] > SHEET_WIDTH
        small = cv2.resize(drawn, (SHEET_WIDTH, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        label = np.full((_LABEL_HEIGHT, SHEET_WIDTH, 3), 255, np.uint8)
        cv2.putText(label, reason, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
        yield np.concatenate([label, small])
