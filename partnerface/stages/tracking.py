"""Stage tracking: the head model fitted to the landmarks of the whole clip."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from partnerface.artefacts import SubjectFolder, check, read_json, read_npz, write, write_npz
from partnerface.config.settings import TrackingSettings

if TYPE_CHECKING:
    import numpy as np

    from partnerface.artefacts.arrays import ClipArray
    from partnerface.head.model import HeadModel
    from partnerface.parsing.segment import PersonSegmenter

HELP = (
    "reads landmarks.npz, frames.json, frames.npy and sound.m4a, writes head.npz (the head, with the subject's own "
    "surface), tracking.npz (shape, focal length, and per frame pose, jaw, eyes, eyelids, expression, landmark error "
    "and curves to look at), tracking.mp4 (landmarks and mesh drawn over the frames) and tracking.jpg (the worst and "
    "the extreme frames); `partnerface quality` measures how well it sits"
)
SETTINGS = TrackingSettings
#: Length of the overlay video; a longer clip is shown every so many frames.
OVERLAY_S = 30.0
#: The outline is taken from at most so many frames, spread evenly over the clip.
OUTLINE_FRAMES = 48


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface tracking`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def _outlined(
    head: "HeadModel", arrays: "dict[str, np.ndarray]", frames: "ClipArray", person: "PersonSegmenter"
) -> "HeadModel":
    """The head with hair and skull standing off as far as the person's masks of some frames say."""
    import numpy as np

    from partnerface.tracking.silhouette import outline_offset

    there = np.flatnonzero(~arrays["bridged"])
    index = there[np.linspace(0, len(there) - 1, min(OUTLINE_FRAMES, len(there))).round().astype(int)]
    masks = [person(np.asarray(frames[frame])) for frame in index]
    return head.with_offset(outline_offset(head, arrays, index, masks))


def run(args: argparse.Namespace, settings: TrackingSettings) -> None:
    """Track one subject."""
    import dataclasses

    import numpy as np

    from partnerface.artefacts.arrays import open_npy
    from partnerface.errors import ArtefactError, InputError
    from partnerface.head.choose import choose_head
    from partnerface.landmarks.container import Landmarks
    from partnerface.parsing.segment import PersonSegmenter
    from partnerface.progress import Progress, track
    from partnerface.tracking import torso
    from partnerface.tracking.clip import clip_time, steps_of, track_clip
    from partnerface.tracking.course import course, sheet_pictures
    from partnerface.tracking.overlay import overlay
    from partnerface.video.encode import encode, on_clock
    from partnerface.video.sheet import save_jpeg, sheet

    subject = SubjectFolder(args.subject_dir)
    landmarks = Landmarks.from_arrays(read_npz(subject.landmarks, "landmarks"), str(subject.landmarks))
    landmarks.require("mediapipe478")
    camera = read_json(subject.camera, "frames")
    frames = open_npy(subject.frames, "frames")
    check(subject.sound, "frames")  # its turn comes after the fit
    if len(landmarks) != len(frames):
        raise ArtefactError(
            f"{subject.landmarks} has {len(landmarks)} frames, frames.npy {len(frames)}; "
            "run `partnerface landmarks` again"
        )
    chosen = choose_head(settings.head, settings.head_shapes, settings.head_expressions, settings.head_version)
    if subject.head.resolve() in [file.resolve() for file in chosen.files]:
        raise InputError(f"tracking.head names {subject.head}, which this stage writes anew; give a copy of it")
    if chosen.said:
        print(f"tracking: {chosen.said}", file=sys.stderr)
    bar = Progress("tracking", steps_of(settings, camera) + settings.torso * torso.steps_of(len(frames)), unit="step")
    tracking = track_clip(chosen.model, settings, camera, landmarks.points, landmarks.found, frames, on_step=bar.step)
    with PersonSegmenter() as person:
        if settings.torso:
            tracking = torso.with_torso(tracking, frames, clip_time(camera), person, bar.step)
        arrays = tracking.arrays()
        head = _outlined(tracking.model, arrays, frames, person) if settings.outline else tracking.model
    bar.step(bar.total - bar.done, f"error {tracking.error_percent:.2f} % of the distance of the outer eye corners")
    for warning in tracking.warnings:
        print(f"tracking: {warning}", file=sys.stderr)
    arrays["warnings"] = np.array(tracking.warnings, dtype=np.str_)
    arrays |= course(head, arrays, landmarks.points, ~tracking.bridged, clip_time(camera))
    inputs, params = (subject.landmarks, subject.camera, *chosen.files), dataclasses.asdict(settings)
    write_npz(subject.head, head.arrays(), "tracking", inputs, **params)
    write_npz(subject.tracking, arrays, "tracking", inputs, **params)
    tiles = list(sheet_pictures(frames, head, arrays, landmarks.points))
    with write(subject.tracking_sheet, "tracking", (*inputs, subject.frames), params) as temporary:
        save_jpeg(str(temporary), sheet(tiles, columns=2))

    # A longer clip is shown whole, at a lower frame rate.
    every = max(1, int(np.ceil(len(frames) / (camera["fps"] * OVERLAY_S))))
    index = np.arange(0, len(frames), every)
    pictures = track(overlay(frames, head, arrays, landmarks.points, index), "tracking overlay", len(index))
    # With the sound lips can be judged; several clips follow one another without the time between them.
    rate, heard = camera["fps"] / every, len(camera["clips"]) == 1 and camera["clips"][0]["has_audio"]
    shown = on_clock(pictures, np.asarray(camera["time_s"])[index], rate) if heard else pictures
    with write(subject.tracking_video, "tracking", (*inputs, subject.frames, subject.sound), params) as temporary:
        encode(temporary, shown, rate, audio=subject.sound if heard else None)
