"""The stages before training, run for real on a clip."""

import argparse
import importlib
import statistics
from pathlib import Path

from partnerface.artefacts import SubjectFolder, read_json
from partnerface.artefacts.arrays import open_npy
from partnerface.bench.models import bare_model
from partnerface.bench.result import MEDIAPIPE, Result, result, say, timed
from partnerface.bench.rows import BARE, FITS, MODELS, STAGES, Sizes
from partnerface.config.settings import (
    DatasetSettings,
    FramesSettings,
    LandmarksSettings,
    ParsingSettings,
    TrackingSettings,
)
from partnerface.errors import InputError

#: Fewer kept frames than this are no clip.
LEAST = 6
DECODER = f"ffmpeg+{MEDIAPIPE}"
BACKENDS = {"frames": DECODER, "landmarks": MEDIAPIPE, "tracking": "torch", "parsing": MEDIAPIPE}
UNIT = "frames/s"


def front(
    wanted: set[str], sizes: Sizes, repeats: int, root: Path, video: Path | None, with_dataset: bool
) -> tuple[list[str], list[Result], SubjectFolder]:
    """Measure the rows on a clip.

    Args:
        wanted: names of rows; those that are not on a clip are left alone.
        sizes: of the work. repeats: how often each stage runs.
        root: a folder to work in.
        video: the user's clip; None makes the demo clip.
        with_dataset: run all stages and make a dataset.

    Returns:
        What the clip is, in words; the rows; and the subject, with its dataset if there is to be one.

    Raises:
        InputError: the clip can't be used.
    """
    clip = video or demo_clip(root / "clip.mp4", sizes.frames, sizes.edge)
    warm, subject = SubjectFolder(root / "warm"), SubjectFolder(root / "clip")
    with_landmarks = bool(wanted & set(FITS))
    needed = [name for name in STAGES if name in wanted or with_dataset or (with_landmarks and name == "landmarks")]
    # Each stage reads what those before it left, and bare models read the stored frames.
    road = list(STAGES)[: list(STAGES).index(needed[-1]) + 1] if needed else ["frames"]
    if sizes.warm_up:
        # Packages load, the built-in head is made, files come into memory.
        say(f"warming up on {sizes.warm_up} frames")
        for name in road:
            run_stage(name, clip, warm, sizes.edge, sizes.warm_up)
    median: dict[str, float] = {}
    for name in road:
        times = []
        for k in range(count := repeats if name in wanted else 1):
            say(f"{name}, run {k + 1} of {count}" if name in wanted else f"{name}, which others need")
            times += timed(lambda name=name: run_stage(name, clip, subject, sizes.edge, sizes.frames), 1)
        median[name] = statistics.median(times)
    frames, camera = open_npy(subject.frames, "frames"), read_json(subject.camera, "frames")
    # The first stage looks at all frames of the video, the others at those that it kept.
    seen = len(subject.frame_index.read_text().splitlines()) - 1
    per_frame = {name: median[name] / (seen if name == "frames" else len(frames)) for name in road}
    bare = {name: bare_model(name, frames, repeats) for name in MODELS if name in wanted}
    found = list(bare.values())
    for name in needed:
        against = bare.get(BARE.get(name, ""))
        ratio = against.median_s / per_frame[name] if against else None
        found.append(result(name, BACKENDS[name], [per_frame[name]], 1, UNIT, ratio_to_reference=ratio))
    if "front" in wanted:
        found.append(result("front", DECODER, [sum(per_frame[name] for name in BARE)], 1, UNIT))
    if with_dataset:
        # Little is held out: pictures are rendered for their time.
        settings = DatasetSettings(size=sizes.dataset, splits=(f"last:{max(2, len(frames) // 10)}",))
        _stage("dataset").run(argparse.Namespace(subject_dir=subject.root), settings)
    source = camera["clips"][0]
    line = (
        f"clip      {seen} frames of {video or 'the demo clip'}, {source['width']} x {source['height']} px; "
        f"{len(frames)} were kept, at {camera['size']} px"
    )
    return [line], found, subject


def run_stage(name: str, clip: Path, subject: SubjectFolder, edge: int, frames: int) -> None:
    """One stage with its defaults as its command runs it, in this process.

    Args:
        name: of rows.STAGES.
        clip: the video. subject: where to.
        edge: greatest edge of stored frames, px. frames: how many of the video's are used.

    Raises:
        InputError: the clip can't be used.
    """
    settings = {
        "frames": FramesSettings(size=edge, max_frames=frames, min_kept=LEAST),
        "landmarks": LandmarksSettings(),
        "tracking": TrackingSettings(),
        "parsing": ParsingSettings(),
    }
    try:
        _stage(name).run(argparse.Namespace(video=[clip], subject_dir=subject.root), settings[name])
    except InputError as error:
        # The picture that the stage points to goes with the folder.
        reason = str(error).partition(f"; {subject.root}")[0]
        raise InputError(f"{reason}; `partnerface run {clip} --until frames` shows what is seen") from None


def _stage(name: str):
    return importlib.import_module(f"partnerface.stages.{name}")


def demo_clip(path: Path, frames: int, edge: int) -> Path:
    """The first frames of the demo clip with its tone, enlarged to `edge` px."""
    import cv2

    from partnerface.demo.clip import draw, make_demo, write_tone
    from partnerface.demo.motion import FPS
    from partnerface.progress import track
    from partnerface.video.encode import encode

    say("making the demo clip")
    tone = path.with_suffix(".wav")
    write_tone(tone, frames / FPS)
    drawn = track(draw(make_demo(frames)), "demo", frames)
    large = (cv2.resize(picture, (edge, edge), interpolation=cv2.INTER_CUBIC) for picture in drawn)
    encode(path, large, FPS, audio=tone, crf=14)
    return path
