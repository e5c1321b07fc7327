"""How the numbers were measured, beside the numbers.

Two runs may stand in one table when their `comparable` parts are equal; `rest` explains a number a year later.
"""

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from partnerface import __version__
from partnerface.evaluation.expression import POINTS, Readings
from partnerface.evaluation.flip import PIXELS_PER_DEGREE
from partnerface.evaluation.frames import Frames
from partnerface.evaluation.measure import Measured, Metrics
from partnerface.evaluation.pixel import LEAST_SQUARED_ERROR
from partnerface.evaluation.regions import DEFINITIONS
from partnerface.evaluation.registration import MOST
from partnerface.evaluation.structural import K1, K2, SCALE_WEIGHTS, SIGMA, WINDOW, scale_count
from partnerface.machine import processor

FORMAT = 2


def describe_metrics(height: int, width: int) -> dict[str, dict[str, Any]]:
    """What each metric that needs no weights is, for images of a size."""
    window = {"window": WINDOW, "sigma": SIGMA, "K1": K1, "K2": K2, "data_range": 1.0, "channels": "RGB, averaged"}
    scales = scale_count(height, width)
    return {
        "psnr": {
            "unit": "dB",
            "peak": 1.0,
            "averaging": "mean of per-image values",
            "at_most_db": float(-10 * np.log10(LEAST_SQUARED_ERROR)),
        },
        "ssim": {**window, "in_region": "mean over windows centred in it, inside the image"},
        "ms_ssim": {
            **window,
            "scales": scales,
            "scale_weights": [round(w / sum(SCALE_WEIGHTS[:scales]), 6) for w in SCALE_WEIGHTS[:scales]],
            "in_region": "windows weighted by their centre's share of it on each scale, image reflected at its border",
        },
        "l1": {"unit": "of the range [0, 1]"},
        "flip": {
            "variant": "LDR-FLIP (2020)",
            "pixels_per_degree": round(PIXELS_PER_DEGREE, 4),
            "in_region": "mean of the whole image's map",
        },
        "flicker": {
            "unit": "of the range [0, 1]",
            "pairs": "frames that follow each other in the clip and are of one split",
            "in_region": "mean over the region of either frame",
        },
        "landmark_error": {
            "unit": "% of the distance of the outer eye corners",
            "points": {region: len(points) for region, points in POINTS.items()},
            "read_from": "truth and render, each in the square around the true landmarks",
        },
        "psnr_image": {"unit": "dB", "area_rule": "image"},
        "psnr_shifted": {"unit": "dB", "shift": "best per frame over the whole image", "at_most_px": MOST},
    }


def describe_lpips(metrics: Metrics) -> dict[str, dict[str, Any]]:
    """LPIPS on AlexNet and on VGG16: the files it was computed with, or why it is absent."""
    present = {
        name: {
            "present": True,
            "version": "0.1 lin",
            "input_range": [-1, 1],
            "sha256": dict(metric.files),
            "device": metric.device,
        }
        for name, metric in metrics.lpips.items()
    }
    return {**present, **{name: {"present": False, "reason": reason} for name, reason in metrics.absent.items()}}


def describe_landmarks(frames: Frames, readings: Readings | str) -> dict[str, Any]:
    """Which detector read the landmarks, and of how many renders it made no face; or why there are none."""
    if isinstance(readings, str):
        return {"present": False, "reason": readings}
    lost = frames.position[readings.lost()]
    return {
        "present": True,
        "detector": readings.detector,
        "renders_without_a_face": {name: int(members[lost].sum()) for name, members in frames.splits().items()},
    }


def source_fps(frame: np.ndarray, time_s: np.ndarray) -> float | None:
    """Frames of the source per second, from the numbers and the times of the kept ones; None for a single frame."""
    steps, times = np.diff(frame), np.diff(time_s)
    good = (steps > 0) & (times > 0)
    return round(float(np.median(steps[good] / times[good])), 3) if good.any() else None


def build(
    frames: Frames,
    measured: Measured,
    metrics: Metrics,
    run: Mapping[str, Any],
    truth_sha256: Mapping[str, str],
    head_model: str,
    readings: Readings | str,
    avatar: Mapping[str, Any],
) -> dict[str, Any]:
    """The protocol of one run's metrics.

    Args:
        frames: what was compared.
        measured: what came out.
        metrics: which metrics there were.
        run: `subject`, `run`, `method`, `seed`.
        truth_sha256: file of the dataset → SHA-256.
        head_model: name of the head model of the dataset.
        readings: the landmarks that were compared, or why there are none.
        avatar: what its file says of its making: `parameters`, `seconds`, `settings`; empty where it says nothing.

    Returns:
        A mapping of JSON types.
    """
    arrays = frames.arrays
    height, width = frames.truth.shape[1:3]
    splits, definitions = frames.splits(), frames.definitions()
    rows = measured.rows
    return {
        "format": FORMAT,
        **run,
        "comparable": {
            "mask_policy": str(arrays["mask_policy"]),
            "background_srgb": [round(float(value), 6) for value in arrays["background"]],
            "size": [width, height],
            "source_fps": source_fps(arrays["frame"], arrays["time_s"]),
            "area_rule": "mask",
            "regions": DEFINITIONS,
            "metrics": describe_metrics(height, width),
            "splits": {
                name: {
                    "definition": definitions[name],
                    "frames": int(members.sum()),
                    "scored_frames": int(rows.loc[rows["split"] == name, "frame"].nunique()),
                }
                for name, members in splits.items()
            },
            "training_frames": int(splits["train"].sum()),
            "truth_sha256": dict(truth_sha256),
        },
        "lpips": describe_lpips(metrics),
        "landmarks": describe_landmarks(frames, readings),
        "head_model": head_model,
        "avatar": dict(avatar),
        "region_share_of_image": measured.coverage,
        "psnr_offset_db_to_image_area_rule": measured.area_offset_db,
        "versions": {
            "partnerface": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "processor": processor(),
    }
