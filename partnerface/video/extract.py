"""Second pass over the clips of a subject: the kept frames, cropped and shrunk, and what is written down about them."""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.progress import Progress
from partnerface.video.crop import head_square
from partnerface.video.decode import decode
from partnerface.video.survey import Survey, judge

#: Clips of one subject follow one another on one time axis with so much between them, s.
CLIP_GAP_S = 10.0


@dataclass(frozen=True)
class Clip:
    """One clip of a subject after the first pass.

    Attributes:
        seen: what the first pass saw.
        crop: x0, y0, x1, y1 of the head's square in px of the upright picture.
        status, reason: per source frame.
        offset: number of the first source frame among those of all clips.
        delay: seconds to add to the clip's own times for the time axis of all clips.
    """

    seen: Survey
    crop: tuple[int, int, int, int]
    status: list[str]
    reason: list[str]
    offset: int
    delay: float

    @property
    def kept(self) -> np.ndarray:
        """Positions in `seen` (not source numbers) of the kept frames."""
        return np.flatnonzero(np.array(self.status) == "kept")


def arrange(surveys: list[Survey], min_sharpness: float, rate: float | None) -> list[Clip]:
    """Crop and judge the clips of one subject.

    All crops are the same share of their pictures' longer edges, so that clips of one camera have one focal length in
    stored pixels.
    """
    squares = [_square(seen) for seen in surveys]
    longer = [max(seen.info.width, seen.info.height) for seen in surveys]
    share = max(((x1 - x0) / edge for (x0, _, x1, _), edge in zip(squares, longer, strict=True)), default=1.0)
    share = min([share, *(min(s.info.width, s.info.height) / edge for s, edge in zip(surveys, longer, strict=True))])
    clips: list[Clip] = []
    offset, delay = 0, 0.0
    for seen, square, edge in zip(surveys, squares, longer, strict=True):
        crop = square if len(surveys) == 1 else _square(seen, round(share * edge) // 2 * 2)
        status, reason = judge(seen, crop, min_sharpness, rate)
        clips.append(Clip(seen, crop, status, reason, offset, delay - (float(seen.time_s[0]) if clips else 0.0)))
        offset += int(seen.number[-1]) + 1
        delay = clips[-1].delay + float(seen.time_s[-1]) + CLIP_GAP_S
    return clips


def _square(seen: Survey, side: int | None = None) -> tuple[int, int, int, int]:
    usable = seen.usable
    if not usable.any():  # there is nothing to crop for: the whole picture's middle
        usable = np.ones(len(seen.boxes), bool)
        boxes = np.array([[0.3, 0.3, 0.7, 0.7]]) * np.tile([seen.info.width, seen.info.height], 2)
        return head_square(boxes, seen.info.width, seen.info.height, side)
    return head_square(seen.boxes[usable], seen.info.width, seen.info.height, side)


def stored_size(clips: list[Clip], size: int) -> int:
    """Edge of the stored frames: `size`, or the smallest crop's own edge where that is smaller: nothing is enlarged."""
    return min(size, *(clip.crop[2] - clip.crop[0] for clip in clips))


def cut(clip: Clip, size: int, tone_map: str) -> Iterator[np.ndarray]:
    """The kept frames of a clip in order, (size, size, 3) uint8 sRGB, shrunk with an area filter.

    Raises:
        InputError: the video gives other frames than at the first pass.
    """
    import cv2

    seen, kept = clip.seen, set(clip.seen.number[clip.kept].tolist())
    if not kept:
        return
    bar, last = Progress(f"frames: cropping {seen.path.name}", len(kept)), max(kept)
    for frame in decode(seen.path, seen.info, crop=clip.crop, tone_map=tone_map):
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
        raise InputError(f"{seen.path} changed while it was read; run `partnerface frames` again")


def index_table(clips: list[Clip]) -> str:
    """frames.csv: frame, time_s, status, reason, one row per source frame; times are the clip's own."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["frame", "time_s", "status", "reason"])
    for clip in clips:
        rows = zip(clip.seen.number, clip.seen.time_s, clip.status, clip.reason, strict=True)
        for number, time_s, status, reason in rows:
            table.writerow([clip.offset + int(number), f"{time_s:.6f}", status, reason])
    return out.getvalue()


def describe(clips: list[Clip], size: int, tone_map: str, rate: float | None) -> dict[str, Any]:
    """frames.json: the clips, and for each kept frame where it is from.

    `kept` are numbers of source frames, `time_s` their times on one axis for all clips, `clip` which of `clips` they
    are from; `take` grows by one where the clip or the shot changes, so that nothing is smoothed across. `faces` are
    the detector's boxes in stored px. `principal_point` is the middle of the source picture in stored px.

    Of a clip, `crop` is x0, y0, x1, y1 in source px: a stored pixel x stands at x0 + x * (x1 - x0) / size.
    """
    places = [(k, clip, position) for k, clip in enumerate(clips) for position in clip.kept]
    shots = [(k, int(clip.seen.shot[position])) for k, clip, position in places]
    take = np.cumsum([0, *(a != b for a, b in itertools.pairwise(shots))])
    rates = [frame_rate(clip.seen.time_s, clip.seen.info.fps) for clip in clips]
    boxes = [
        (clip.seen.boxes[position] - np.tile(clip.crop[:2], 2)) * (size / (clip.crop[2] - clip.crop[0]))
        for _, clip, position in places
    ]
    return {
        "video": ", ".join(clip.seen.path.name for clip in clips),
        "size": size,
        "fps": min(rates[0], rate) if rate else rates[0],
        "notes": notes(clips),
        "clips": [_clip(clip, fps, tone_map) for clip, fps in zip(clips, rates, strict=True)],
        "kept": [clip.offset + int(clip.seen.number[position]) for _, clip, position in places],
        "time_s": [round(clip.delay + float(clip.seen.time_s[position]), 6) for _, clip, position in places],
        "clip": [k for k, _, _ in places],
        "take": take[: len(places)].tolist(),
        "principal_point": [_middle(clip, size) for _, clip, _ in places],
        "faces": [[round(float(value), 2) for value in box] for box in boxes],
    }


def _middle(clip: Clip, size: int) -> list[float]:
    x0, y0, x1, _ = clip.crop
    info, scale = clip.seen.info, size / (x1 - x0)
    return [round((info.width / 2 - x0) * scale, 4), round((info.height / 2 - y0) * scale, 4)]


def _clip(clip: Clip, fps: float, tone_map: str) -> dict[str, Any]:
    info = clip.seen.info
    return {
        "video": clip.seen.path.name,
        "width": info.width,
        "height": info.height,
        "crop": list(clip.crop),
        "fps": fps,
        "rotation": info.rotation,
        "has_audio": info.has_audio,
        "dynamic_range": info.transfer,
        "tone_map": None if info.transfer == "sdr" else tone_map,
        "first_frame": clip.offset,
        "frames": len(clip.status),
        "delay_s": round(clip.delay, 6),
        "shots": int(clip.seen.shot.max()) + 1,
        "other_people": clip.seen.others,
    }


def notes(clips: list[Clip]) -> list[str]:
    """What the user should know of the clips, a sentence each."""
    out = []
    for clip in clips:
        name, shots, info = clip.seen.path.name, int(clip.seen.shot.max()) + 1, clip.seen.info
        lost = clip.status.count("cut")
        if shots > 1:
            out.append(f"{name}: {shots} shots; {lost} frames of shots in another framing are dropped" if lost else
                       f"{name}: {shots} shots in one framing, all used")  # fmt: skip
        if clip.seen.others:
            people = "another person is" if clip.seen.others == 1 else f"{clip.seen.others} other people are"
            out.append(f"{name}: {people} seen; see frames.jpg, and frames.face_at to follow someone else")
        if info.transfer != "sdr":
            out.append(f"{name}: high dynamic range ({info.transfer.upper()}), brought to sRGB (frames.tone_map)")
    return out


def frame_rate(time_s: np.ndarray, stated: float) -> float:
    """Frames per second from the time stamps; the container's statement where they agree to 1 %, or for one frame."""
    steps = np.diff(time_s)
    steps = steps[steps > 0]
    if not len(steps):
        return float(stated)
    measured = 1.0 / float(np.median(steps))
    return float(stated) if abs(measured - stated) <= 0.01 * stated else round(measured, 4)
