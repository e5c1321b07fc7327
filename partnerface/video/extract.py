"""Second pass over a video: the kept frames, cropped and shrunk, and what is written down about them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.progress import Progress
from partnerface.video.ffmpeg import VideoInfo, decode
from partnerface.video.survey import Survey


def stored_size(crop: tuple[int, int, int, int], size: int) -> int:
    """Edge of the stored frames: `size`, or the crop's own edge where that is smaller, so nothing is enlarged."""
    return min(crop[2] - crop[0], size)


def cut(path: Path, info: VideoInfo, seen: Survey, size: int) -> Iterator[np.ndarray]:
    """The kept frames in order, (size, size, 3) uint8 sRGB, shrunk with an area filter.

    Raises:
        InputError: the video gives other frames than at the first pass.
    """
    import cv2

    kept = set(seen.number[seen.kept].tolist())
    bar, last = Progress("frames: cropping", len(kept)), max(kept)
    for frame in decode(path, info, crop=seen.crop):
        if frame.number not in kept:
            continue
        image = frame.image
        if image.shape[0] != size:
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        yield image
        bar.step()
        if frame.number == last:
            break
    if bar.done + 1 < len(kept):
        raise InputError(f"{path} changed while it was read; run `partnerface frames` again")


def index_table(seen: Survey) -> str:
    """frames.csv: frame, time_s, status, reason, one row per source frame."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["frame", "time_s", "status", "reason"])
    for number, time_s, status, reason in zip(seen.number, seen.time_s, seen.status, seen.reason, strict=True):
        table.writerow([int(number), f"{time_s:.6f}", status, reason])
    return out.getvalue()


def describe(path: Path, info: VideoInfo, seen: Survey, size: int) -> dict[str, Any]:
    """frames.json: how stored pixels relate to the upright source picture, and the times of the kept frames.

    `crop` is x0, y0, x1, y1 in source px; a stored pixel x stands at x0 + x * (x1 - x0) / size. `faces` are the
    detector's boxes in stored px, one per kept frame.
    """
    kept = seen.kept
    x0, y0, x1, _ = seen.crop
    scale = size / (x1 - x0)
    boxes = (seen.boxes[kept] - [x0, y0, x0, y0]) * scale
    return {
        "source_width": info.width,
        "source_height": info.height,
        "crop": list(seen.crop),
        "size": size,
        "fps": frame_rate(seen.time_s, info.fps),
        "rotation": info.rotation,
        "has_audio": info.has_audio,
        "kept": seen.number[kept].tolist(),
        "time_s": [round(float(value), 6) for value in seen.time_s[kept]],
        "faces": np.round(boxes, 2).tolist(),
        "video": path.name,
    }


def frame_rate(time_s: np.ndarray, stated: float) -> float:
    """Frames per second from the time stamps; the container's statement where they agree to 1 %, or for one frame."""
    steps = np.diff(time_s)
    steps = steps[steps > 0]
    if not len(steps):
        return float(stated)
    measured = 1.0 / float(np.median(steps))
    return float(stated) if abs(measured - stated) <= 0.01 * stated else round(measured, 4)
