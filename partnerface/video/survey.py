"""First pass over a video: when each frame is shown, where the followed face is, and which frames can be used."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partnerface.errors import InputError
from partnerface.progress import Progress
from partnerface.video.appearance import describe
from partnerface.video.crop import MAX_HIDDEN, hidden_share
from partnerface.video.decode import decode
from partnerface.video.faces import FaceDetector
from partnerface.video.follow import Track, alike_framing, choose, follow, link
from partnerface.video.probe import VideoInfo
from partnerface.video.sharpness import details, relative
from partnerface.video.sheet import Thumbnails
from partnerface.video.shots import CutFinder

#: A face that is away for longer than this may come back elsewhere; it is then joined by place, size and looks.
MAX_GAP_S = 1.0
#: A face narrower than this holds too little to learn from.
MIN_FACE_PX = 32
#: A track that is seen for less than this, in seconds, is chance rather than another person.
PERSON_S = 0.4
#: Mean score of a track below which it is something that looks like a face.
PERSON_SCORE = 0.65


@dataclass
class Survey:
    """What the first pass saw.

    Attributes:
        path, info: the video.
        number: (N,) numbers of the source frames, counted from the file's first frame.
        time_s: (N,) their times in seconds.
        boxes: (N, 4) the followed face's box in px of the upright picture, NaN where it is not seen.
        faces: (N,) how many faces were found.
        shot: (N,) number of the shot, counted from 0: scene cuts part them.
        framed: (N,) False in shots that show the person otherwise than the main shot, or not at all.
        chosen: (N,) False for frames that a lower frame rate leaves out.
        sharpness: (N,) of the followed face against the frames around it, 1 is usual; NaN where it is not seen.
        others: how many other people were seen.
        thumbnails: small pictures for the contact sheet.
    """

    path: Path
    info: VideoInfo
    number: np.ndarray
    time_s: np.ndarray
    boxes: np.ndarray
    faces: np.ndarray
    shot: np.ndarray
    framed: np.ndarray
    chosen: np.ndarray
    sharpness: np.ndarray
    others: int
    thumbnails: Thumbnails

    @property
    def usable(self) -> np.ndarray:
        """(N,) bool: frames that show the followed face in the main framing; the crop is made for these."""
        return np.isfinite(self.boxes[:, 0]) & self.framed & self.chosen


def survey(
    path: Path,
    info: VideoInfo,
    start: float = 0.0,
    end: float | None = None,
    max_frames: int | None = None,
    rate: float | None = None,
    face_at: tuple[float, float, float | None] | None = None,
    detect_size: int = 640,
    min_score: float = 0.5,
    tone_map: str = "mobius",
) -> Survey:
    """Look at every frame between `start` and `end` seconds, but at most `max_frames`.

    Args:
        path, info: the video and what `probe` said about it.
        rate: frames per second to use; None uses every frame.
        face_at: x, y in px of the upright picture and a time in seconds (None is the first frame that shows a face):
            the person to follow; None follows the one who is largest and longest seen.
        detect_size: longest edge in px of the pictures in which faces are looked for.
        min_score: detections below this score are dropped.
        tone_map: a name of hdr.TONE_MAPS.

    Raises:
        InputError: the video can't be read, has no frame in the given time, or shows nobody at `face_at`.
    """
    scale = min(1.0, detect_size / max(info.width, info.height))
    size = (max(1, round(info.width * scale)), max(1, round(info.height * scale)))
    length = min(filter(None, (info.duration_s, end)), default=0.0) - start
    expected = max(1, round(length * info.fps))
    bar = Progress(f"frames: finding the face in {path.name}", min(expected, max_frames or expected))
    numbers: list[int] = []
    times: list[float] = []
    boxes: list[np.ndarray] = []
    looks: list[np.ndarray] = []
    sharp: list[np.ndarray] = []
    thumbnails, cuts = Thumbnails(), CutFinder()
    # Whom to follow may be the smaller one, whom both detectors have to look for in every frame.
    with FaceDetector(min_score, widely=1 if face_at else 5) as detector:
        for frame in decode(path, info, size=size, tone_map=tone_map):
            # Time stamps are rounded to the container's clock, so the limits are a touch wider than written.
            if frame.time_s < start - 1e-4:
                continue
            if (end is not None and frame.time_s >= end - 1e-4) or len(numbers) == max_frames:
                break
            found = detector(frame.image)
            looks.append(np.array([describe(frame.image, points) for points in found.points]))
            sharp.append(details(frame.image, found))
            boxes.append(found.scaled(info.width / size[0], info.height / size[1]).boxes)
            cuts.offer(frame.image)
            thumbnails.offer(len(numbers), frame.image, ordinary=len(found) > 0)
            numbers.append(frame.number)
            times.append(frame.time_s)
            bar.total = max(bar.total, len(numbers) + 1)
            bar.step()
    if not numbers:
        stop = "its end" if end is None else f"{end:g} s"
        raise InputError(f"{path} has no frame between {start:g} s and {stop}; check frames.start and frames.end")
    time_s, shot, max_gap = np.array(times), cuts.shots(), max(1, round(MAX_GAP_S * info.fps))
    tracks = link(boxes, max_gap, looks, shot)
    person = choose(tracks, _place(path, face_at, time_s, boxes))
    if person is None and face_at is not None and tracks:
        raise InputError(f"{path}: no face at {face_at[0]:g},{face_at[1]:g} (frames.face_at); see where faces are")
    followed, source = follow(tracks, person, len(numbers), shot)
    return Survey(
        path=path,
        info=info,
        number=np.array(numbers),
        time_s=time_s,
        boxes=followed,
        faces=np.array([len(found) for found in boxes]),
        shot=shot,
        framed=alike_framing(followed, shot),
        chosen=thinned(time_s, rate),
        sharpness=relative(_own(sharp, boxes, followed)),
        others=_others(tracks, source, PERSON_S * info.fps),
        thumbnails=thumbnails,
    )


def _place(
    path: Path,
    face_at: tuple[float, float, float | None] | None,
    time_s: np.ndarray,
    boxes: list[np.ndarray],
) -> tuple[float, float, int] | None:
    if face_at is None:
        return None
    x, y, time = face_at
    if time is None:
        return x, y, next((k for k, found in enumerate(boxes) if len(found)), 0)
    if not time_s[0] - 0.5 <= time <= time_s[-1] + 0.5:
        raise InputError(
            f"{path}: the time {time:g} s of frames.face_at is outside of what is read, "
            f"{time_s[0]:.1f} to {time_s[-1]:.1f} s"
        )
    return x, y, int(np.abs(time_s - time).argmin())


def _own(values: list[np.ndarray], boxes: list[np.ndarray], followed: np.ndarray) -> np.ndarray:
    """(N,) the value of the followed face in each frame, NaN where it is not seen."""
    out = np.full(len(values), np.nan)
    for k in np.flatnonzero(np.isfinite(followed[:, 0])):
        out[k] = values[k][int(np.abs(boxes[k][:, :4] - followed[k]).sum(1).argmin())]
    return out


def _others(tracks: list[Track], source: np.ndarray, enough: float) -> int:
    """The greatest number of other people that are seen at once, each for long enough."""
    count = np.zeros(len(source), int)
    own = set(source.tolist())
    for number, track in enumerate(tracks):
        seen = len(track.frames) > 2 and track.frames[-1] - track.frames[0] >= enough
        if number not in own and seen and track.score >= PERSON_SCORE * len(track.frames):
            count[track.frames[0] : track.frames[-1] + 1] += 1
    return int(count.max())


def thinned(time_s: np.ndarray, rate: float | None) -> np.ndarray:
    """(N,) bool: of each tick of a clock of `rate` the frame that is nearest to it in time, each frame at most once.

    A rate above the video's own keeps every frame; none is invented.
    """
    if rate is None:
        return np.ones(len(time_s), bool)
    ticks = np.arange(time_s[0], time_s[-1] + 1e-6, 1 / rate)
    after = np.clip(np.searchsorted(time_s, ticks), 1, max(1, len(time_s) - 1))
    before = after - 1
    after = np.minimum(after, len(time_s) - 1)
    # Stamps are rounded to the container's clock: of two that are as near, the earlier.
    nearest = np.where(ticks - time_s[before] <= time_s[after] - ticks + 2e-3 / rate, before, after)
    out = np.zeros(len(time_s), bool)
    out[nearest] = True
    return out


def judge(
    seen: Survey, crop: tuple[int, int, int, int], min_sharpness: float, rate: float | None
) -> tuple[list[str], list[str]]:
    """Status of each frame, a word of conventions.FRAME_STATUSES, and the reason in words ("" for most kept frames)."""
    status, reason, last = [], [], 0
    for k, box in enumerate(seen.boxes):
        shot, word, why = int(seen.shot[k]), "kept", ""
        if not seen.framed[k]:
            word, why = "cut", f"shot {shot + 1} of {int(seen.shot.max()) + 1} shows the person otherwise or not at all"
        elif not np.isfinite(box[0]) and seen.faces[k]:
            word, why = "other_person", "a face is seen, but not of the followed person"
        elif not np.isfinite(box[0]):
            word, why = "no_face", "no face found"
        elif not seen.chosen[k]:
            word, why = "skipped", f"not needed at {rate:g} frames per second"
        elif (hidden := hidden_share(box, crop)) > MAX_HIDDEN:
            word, why = "out_of_frame", f"{100 * hidden:.0f} % of the face lies outside the crop"
        elif seen.sharpness[k] < min_sharpness:
            word, why = "blurred", f"the face has {100 * seen.sharpness[k]:.0f} % of the sharpness around it"
        elif shot != last:
            why = f"shot {shot + 1} of {int(seen.shot.max()) + 1} begins, in the same framing"
        if word == "kept":
            last = shot
        status.append(word)
        reason.append(why)
    return status, reason


def require_enough(name: str, seen: list[Survey], status: list[str], min_kept: int, min_fraction: float) -> None:
    """Stop when too few frames can be used.

    Frames that a lower rate leaves out do not count.

    Raises:
        InputError: no face is found, it is too small, or fewer than `min_kept`, or less than `min_fraction` of all
            frames are kept; says what befell the rest.
    """
    total = len(status) - status.count("skipped")
    if not any(one.faces.any() for one in seen):
        raise InputError(f"{name}: no face found in any of {total} frames; give a video that shows a face")
    widths = np.concatenate([(one.boxes[:, 2] - one.boxes[:, 0])[one.usable] for one in seen])
    if len(widths) and float(np.median(widths)) < MIN_FACE_PX:
        raise InputError(
            f"{name}: the face is only {np.median(widths):.0f} px wide, at least {MIN_FACE_PX} are needed; film from "
            "closer"
        )
    kept = status.count("kept")
    if kept >= min_kept and kept >= min_fraction * total:
        return
    names = {"no_face": "without a face", "out_of_frame": "with the face out of the picture", "blurred": "blurred",
             "other_person": "with only another person's face", "cut": "in other shots"}  # fmt: skip
    lost = ", ".join(f"{status.count(word)} {text}" for word, text in names.items() if word in status)
    wanted = f"{min_kept} (frames.min_kept)" if kept < min_kept else f"{min_fraction:.0%} (frames.min_kept_fraction)"
    raise InputError(
        f"{name}: only {kept} of {total} frames can be used{f' ({lost})' if lost else ''}, at least {wanted} "
        f"are needed; give a longer clip in which one face stays in view"
    )
