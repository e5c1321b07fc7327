"""A fit against the true parameters of a clip that was made."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from partnerface.errors import InputError
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.tracking.curves import curves
from partnerface.tracking.quality import amplitudes, blink_frames, correlation, match

#: What a file of true parameters has to hold.
NAMES = ("global_orient", "neck_pose", "jaw_pose", "eyelids", "translation", "focal", "landmarks_px")


def read_truth(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a truth.npz.

    Raises:
        InputError: it can't be read or isn't one.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            truth = {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path} ({error}); take the truth.npz that `partnerface demo` wrote") from None
    if missing := [name for name in NAMES if name not in truth]:
        raise InputError(f"{path} lacks {', '.join(missing)}; take the truth.npz of this clip")
    return truth


def head_rotation(arrays: dict[str, np.ndarray]) -> torch.Tensor:
    """(N, 3, 3) rotation of the head's axes to camera axes: that of the torso times that of the neck."""
    turns = (torch.as_tensor(np.asarray(arrays[name], np.float64)) for name in ("global_orient", "neck_pose"))
    torso, neck = (axis_angle_to_matrix(turn) for turn in turns)
    return torso @ neck


def rotation_errors(fitted: torch.Tensor, true: torch.Tensor) -> tuple[np.ndarray, float]:
    """Angles between rotations once one constant turn in the head's own axes is taken out.

    Where "straight ahead" is in a head is for its model to say: that of the fit may lie otherwise in its surface than
    the true one does, by the same turn Q in every frame, which no picture shows and nothing that uses the fit depends
    on. Q is the rotation nearest to the mean of true^T fitted (Procrustes); three numbers for the whole clip. Nothing
    that changes over time, and no turn in camera axes, can hide in it.

    Args:
        fitted, true: (N, 3, 3).

    Returns:
        (N,) degrees, and the size of Q in degrees.
    """
    u, _, vt = torch.linalg.svd((true.transpose(1, 2) @ fitted).mean(0))
    turn = u @ torch.diag(torch.tensor([1.0, 1.0, float(torch.linalg.det(u @ vt))], dtype=u.dtype)) @ vt
    off = matrix_to_axis_angle((true @ turn).transpose(1, 2) @ fitted).norm(dim=1)
    return torch.rad2deg(off).numpy(), float(torch.rad2deg(matrix_to_axis_angle(turn).norm()))


def against_truth(
    tracking: dict[str, np.ndarray],
    truth: dict[str, np.ndarray],
    index: np.ndarray,
    scale: float,
    time_s: np.ndarray,
    unit: np.ndarray,
) -> dict[str, Any]:
    """Errors of a fit.

    Args:
        tracking: the arrays of tracking.npz, N frames.
        truth: true parameters under the same names, with `landmarks_px`, of all frames of the clip.
        index: (N,) which of them each tracked frame is.
        scale: pixels of the tracked frames per pixel of the truth.
        time_s: (N,) growing.
        unit: (N,) px, see `unit_px`.

    Returns:
        `rotation_deg` (median), `rotation_offset_deg` (the constant turn that was taken out), `focal` (relative error,
        signed), correlations of the projected mouth opening and eye opening and of the parameters `jaw` and `eyelids`,
        `amplitude` (of the fit's curves over the true ones, as `amplitudes` has it), and `blinks` (events of the fit
        against the true ones).

    Raises:
        InputError: the truth lacks frames.
    """
    if index.max(initial=-1) >= (count := len(truth["translation"])):
        raise InputError(
            f"the file of true parameters has {count} frames, the clip at least {index.max() + 1}; "
            "take the truth.npz of this clip"
        )
    true = {name: truth[name][index] for name in NAMES if name != "focal"}
    # One focal length may stand for all frames.
    true["focal"] = np.broadcast_to(truth["focal"], count)[index]
    errors, offset = rotation_errors(head_rotation(tracking), head_rotation(true))
    # The true unit but for a factor, to which correlations are blind.
    true_unit = np.asarray(true["focal"] / true["translation"][:, 2], np.float64)
    fit, reference = curves(tracking["landmarks_px"], unit), curves(true["landmarks_px"], true_unit)
    whole = np.ones(len(index), bool)
    motion = amplitudes(tracking["landmarks_px"], scale * true["landmarks_px"], whole, time_s, unit)
    return {
        "rotation_deg": float(np.median(errors)),
        "rotation_p90_deg": float(np.quantile(errors, 0.9)),
        "rotation_offset_deg": offset,
        "focal": float(np.median(tracking["focal"] / (true["focal"] * scale)) - 1),
        "mouth_opening_correlation": correlation(fit["mouth_opening"], reference["mouth_opening"]),
        "eye_opening_correlation": correlation(fit["eye_opening"], reference["eye_opening"]),
        "jaw_correlation": correlation(tracking["jaw_pose"][:, 0], true["jaw_pose"][:, 0]),
        "eyelids_correlation": correlation(tracking["eyelids"].mean(1), true["eyelids"].mean(1)),
        "amplitude": {name: values["ratio"] for name, values in motion.items()},
        "blinks": match(
            blink_frames(true["landmarks_px"], time_s), blink_frames(tracking["landmarks_px"], time_s)
        ).as_dict(),
    }
