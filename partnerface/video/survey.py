"""First pass over a video: when each frame is shown, where the face is, and which frames can be used."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partnerface.errors import InputError
from partnerface.progress import Progress
from partnerface.video.crop import MAX_HIDDEN, head_square, hidden_share
from partnerface.video.faces import FaceDetector
from partnerface.video.ffmpeg import VideoInfo, decode
from partnerface.video.follow import follow
from partnerface.video.sheet import Thumbnails

#: A face that is away for longer than this may come back elsewhere; it is then joined by place and size.
MAX_GAP_S = 1.0
#: A face narrower than this holds too little to learn from.
MIN_FACE_PX = 32


@dataclass
class Survey:
    """What the first pass saw.

    Attributes:
        number: (N,) numbers of the source frames, counted from the file's first frame.
        time_s: (N,) their times in seconds.
        boxes: (N, 4) the followed face's box in px of the upright picture, NaN where it is not seen.
        faces: (N,) how many faces were found.
        crop: x0, y0, x1, y1 of the head's square in px of the upright picture.
        status, reason: (N,) words of conventions.FRAME_STATUSES, and a sentence ("" for kept frames).
        thumbnails: small pictures for the contact sheet.
    """

    number: np.ndarray
    time_s: np.ndarray
    boxes: np.ndarray
    faces: np.ndarray
    crop: tuple[int, int, int, int]
    status: list[str]
    reason: list[str]
    thumbnails: Thumbnails

    @property
    def kept(self) -> np.ndarray:
        """Positions (not source numbers) of the kept frames."""
        return np.flatnonzero(np.array(self.status) == "kept")


def survey(
    path: Path,
    info: VideoInfo,
    start: float = 0.0,
    end: float | None = None,
    max_frames: int | None = None,
    detect_size: int = 640,
    min_score: float = 0.5,
) -> Survey:
    """Look at every frame between `start` and `end` seconds, but at most `max_frames`.

    Args:
        path, info: the video and what `probe` said about it.
        detect_size: longest edge in px of the pictures in which faces are looked for.
        min_score: detections below this score are dropped.

    Raises:
        InputError: the video can't be read, has no frame in the given time, or no face in any frame.
    """
    scale = min(1.0, detect_size / max(info.width, info.height))
    size = (max(1, round(info.width * scale)), max(1, round(info.height * scale)))
    enlarge = np.array([info.width / size[0], info.height / size[1]] * 2)
    length = min(filter(None, (info.duration_s, end)), default=0.0) - start
    expected = max(1, round(length * info.fps))
    bar = Progress("frames: finding the face", min(expected, max_frames or expected))
    numbers: list[int] = []
    times: list[float] = []
    detections: list[np.ndarray] = []
    thumbnails = Thumbnails()
    with FaceDetector(min_score) as detector:
        for frame in decode(path, info, size=size):
            # Time stamps are rounded to the container's clock, so the limits are a touch wider than written.
            if frame.time_s < start - 1e-4:
                continue
            if (end is not None and frame.time_s >= end - 1e-4) or len(numbers) == max_frames:
                break
            found = detector(frame.image)
            found[:, :4] *= enlarge
            thumbnails.offer(len(numbers), frame.image, ordinary=len(found) == 1)
            numbers.append(frame.number)
            times.append(frame.time_s)
            detections.append(found)
            bar.total = max(bar.total, len(numbers) + 1)
            bar.step()
    if not numbers:
        stop = "its end" if end is None else f"{end:g} s"
        raise InputError(f"{path} has no frame between {start:g} s and {stop}; check frames.start and frames.end")
    boxes = follow(detections, max_gap=max(1, round(MAX_GAP_S * info.fps)))
    faces = np.array([len(found) for found in detections])
    if not faces.any():
        raise InputError(f"{path}: no face found in any of {len(numbers)} frames; give a video that shows a face")
    face_px = float(np.nanmedian(boxes[:, 2] - boxes[:, 0]))
    if face_px < MIN_FACE_PX:
        raise InputError(
            f"{path}: the face is only {face_px:.0f} px wide, at least {MIN_FACE_PX} are needed; film from closer"
        )
    crop = head_square(boxes, info.width, info.height)
    status, reason = judge(boxes, faces, crop)
    return Survey(np.array(numbers), np.array(times), boxes, faces, crop, status, reason, thumbnails)


def judge(boxes: np.ndarray, faces: np.ndarray, crop: tuple[int, int, int, int]) -> tuple[list[str], list[str]]:
    """Status and reason of each frame; arguments as in `Survey`."""
    status, reason = [], []
    for box, count in zip(boxes, faces, strict=True):
        if not np.isfinite(box[0]):
            status.append("other_person" if count else "no_face")
            reason.append("a face is seen, but not of the followed person" if count else "no face found")
        elif (hidden := hidden_share(box, crop)) > MAX_HIDDEN:
            status.append("out_of_frame")
            reason.append(f"{100 * hidden:.0f} % of the face lies outside the crop")
        else:
            status.append("kept")
            reason.append("")
    return status, reason


def require_enough(path: Path, status: list[str], min_kept: int, min_fraction: float) -> None:
    """Stop when too few frames can be used.

    Raises:
        InputError: fewer than `min_kept`, or less than `min_fraction` of all, are kept; says what befell the rest.
    """
    kept, total = status.count("kept"), len(status)
    if kept >= min_kept and kept >= min_fraction * total:
        return
    names = {"no_face": "without a face", "out_of_frame": "with the face out of the picture",
             "other_person": "with only another person's face"}  # fmt: skip
    lost = ", ".join(f"{status.count(name)} {text}" for name, text in names.items() if name in status)
    wanted = f"{min_kept} (frames.min_kept)" if kept < min_kept else f"{min_fraction:.0%} (frames.min_kept_fraction)"
    raise InputError(
        f"{path}: only {kept} of {total} frames can be used{f' ({lost})' if lost else ''}, at least {wanted} "
        f"are needed; give a longer clip in which one face stays in view"
    )
