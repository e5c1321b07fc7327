"""The fit of a long clip, for its time and for the memory that its process takes."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts import SubjectFolder, read_json, read_npz
from partnerface.artefacts.arrays import open_npy
from partnerface.bench.result import Result, result, say, timed
from partnerface.bench.rows import Sizes
from partnerface.config.settings import TrackingSettings
from partnerface.landmarks.container import Landmarks

UNIT = "frames/s"


def fits(name: str, sizes: Sizes, repeats: int, subject: SubjectFolder) -> tuple[list[str], list[Result]]:
    """Measure one row.

    Args:
        name: of rows.FITS. sizes: of the work. repeats: how often it is fitted.
        subject: the clip, with its landmarks. It is run through to and fro until it is long enough.

    Returns:
        A line with the whole time and the most memory that this process took, and the row.
    """
    from partnerface.head.builtin import builtin_head
    from partnerface.tracking.clip import track_clip

    landmarks = Landmarks.from_arrays(read_npz(subject.landmarks, "landmarks"))
    index = to_and_fro(len(landmarks), sizes.fitted)
    camera = longer(read_json(subject.camera, "frames"), index)
    points, found = landmarks.points[index], landmarks.found[index]
    head = builtin_head()  # made once, for all fits
    frames = open_npy(subject.frames, "frames").rearranged(index)
    settings = dataclasses.replace(TrackingSettings(), refine=name.endswith("_refined"))
    seconds = []
    for k in range(repeats):
        say(f"{name}, run {k + 1} of {repeats}")
        seconds += timed(lambda: track_clip(head, settings, camera, points, found, frames), 1)
    row = result(name, "torch", [second / len(index) for second in seconds], 1, UNIT)
    line = f"fit       {name}: {len(index)} frames in {row.median_s * len(index):.1f} s, memory {memory()} at most"
    return [line], [row]


def to_and_fro(frames: int, count: int) -> np.ndarray:
    """(count,) which frame of a short clip stands where in a long one, so that nothing jumps."""
    if frames == 1:
        return np.zeros(count, int)
    return np.abs((np.arange(count) + frames - 1) % (2 * frames - 2) - (frames - 1))


def longer(camera: dict[str, Any], index: np.ndarray) -> dict[str, Any]:
    """frames.json of the long clip: its frames follow one another at the clip's own rate."""
    return {
        **camera,
        "time_s": (np.arange(len(index)) / camera["fps"]).tolist(),
        "take": [0] * len(index),
        "clip": [0] * len(index),
        "principal_point": np.asarray(camera["principal_point"])[index].tolist(),
    }


def memory() -> str:
    """The most memory that this process has held, in words."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage's: on Linux that one remembers what the process held that started this one.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        held = 1024 * int(line.split()[1])
    else:
        import resource

        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return f"{held / 1e6:.0f} MB"
