"""The tables of an imported subject: frames.csv, frames.json and tracking.npz."""

import csv
import io
from typing import Any

import numpy as np

from partnerface.exchange.check import projected
from partnerface.exchange.place import Placement, parameters_for
from partnerface.exchange.recording import Recording
from partnerface.head.model import HeadModel

#: Clips follow one another on one time axis with so much between them, s.
CLIP_GAP_S = 10.0
#: Numbers that are missing are told one by one as long as they are not so many times as many as the frames.
MOST_MISSING = 10


def times(numbers: np.ndarray, clip: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the frames counted on over all clips (N,), and their times in s (N,), the first at 0."""
    kept, time_s = np.zeros(len(numbers), int), np.zeros(len(numbers))
    offset, delay = 0, 0.0
    for k in np.unique(clip):
        own = clip == k
        first, last = int(numbers[own].min()), int(numbers[own].max())
        kept[own] = numbers[own] + offset
        time_s[own] = (numbers[own] - first) / fps + delay
        offset += last + 1
        delay += (last - first) / fps + CLIP_GAP_S
    return kept, time_s


def index_table(kept: np.ndarray, time_s: np.ndarray, fps: float, source: str) -> str:
    """frames.csv: frame, time_s, status, reason; frames that the folder lacks are `skipped`."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["frame", "time_s", "status", "reason"])
    few = kept[-1] - kept[0] < MOST_MISSING * len(kept)
    for k, number in enumerate(kept.tolist()):
        table.writerow([number, f"{time_s[k]:.6f}", "kept", ""])
        following = int(kept[k + 1]) if k + 1 < len(kept) else number
        near = k + 1 < len(kept) and time_s[k + 1] - time_s[k] < (following - number + 0.5) / fps
        for missing in range(number + 1, following if few and near else number):
            table.writerow([missing, f"{time_s[k] + (missing - number) / fps:.6f}", "skipped", f"not in {source}"])
    return out.getvalue()


def describe(
    recording: Recording, place: Placement, fps: float, kept: np.ndarray, time_s: np.ndarray, faces: np.ndarray
) -> dict[str, Any]:
    """frames.json, in the form that the stage frames gives it; `faces` are boxes in stored px."""
    name, (width, height) = recording.folder.resolve().name, recording.size
    clips = []
    for k in np.unique(recording.clip):
        own = np.flatnonzero(recording.clip == k)
        clips.append(
            {
                "video": name,
                "width": width,
                "height": height,
                "crop": np.round(place.boxes[own[0]], 4).tolist(),
                "fps": fps,
                "rotation": 0,
                "has_audio": False,
                "dynamic_range": "sdr",
                "tone_map": None,
                "first_frame": int(kept[own[0]]),
                "frames": len(own),
                "delay_s": round(float(time_s[own[0]]), 6),
                "shots": 1,
                "other_people": 0,
            }
        )
    return {
        "video": name,
        "imported_from": recording.format,
        "size": place.size,
        "fps": fps,
        "focal_px": place.focal,
        "notes": [f"imported from {recording.format}", *recording.notes],
        "clips": clips,
        "kept": kept.tolist(),
        "time_s": np.round(time_s, 6).tolist(),
        "clip": recording.clip.tolist(),
        "take": recording.clip.tolist(),
        "principal_point": np.round(place.principal_point, 6).tolist(),
        "faces": np.round(faces, 2).tolist(),
    }


def tracking_arrays(
    recording: Recording, head: HeadModel, place: Placement, index: np.ndarray, error_px: np.ndarray, percent: float
) -> tuple[dict[str, np.ndarray], list[str]]:
    """tracking.npz, and notes.

    Args:
        recording, head, place: what is imported.
        index, error_px: frames that were looked at and their mean landmark errors, px; of the others nothing is known.
        percent: the median error, stored as `import_error_percent`.
    """
    import torch

    from partnerface.head.posing import posed_landmarks

    parameters, notes = parameters_for(recording, head)
    points = posed_landmarks(head, parameters, dtype=torch.float64)
    count = len(recording)
    focal = np.full((count, 2), place.focal)
    errors = np.full(count, np.nan, np.float32)
    errors[index] = error_px
    arrays: dict[str, Any] = {
        **{name: value.astype(np.float32) for name, value in parameters.items()},
        "focal": np.full(count, place.focal, np.float32),
        "focal_error": np.zeros(count, np.float32),
        "image_size": np.int64(place.size),
        "principal_point": place.principal_point.astype(np.float32),
        "error_px": errors,
        "bridged": np.zeros(count, bool),
        "landmarks_px": np.nan_to_num(projected(points, focal, place.principal_point)).astype(np.float32),
        "head_name": np.array(head.name),
        "imported_from": np.array(recording.format),
        "import_error_percent": np.float32(percent),
    }
    return arrays, notes
