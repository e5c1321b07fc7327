"""Stage landmarks: the points of the face in each stored frame."""

import argparse
from pathlib import Path

from partnerface.config.settings import LandmarksSettings

HELP = (
    "reads frames.npy, writes landmarks.npz (MediaPipe's 478 points per frame, with confidence), from which the head "
    "model is fitted"
)
SETTINGS = LandmarksSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface landmarks`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: LandmarksSettings) -> None:
    """Find the landmarks of every frame.

    Raises:
        InputError: they are found in less than `min_found_fraction` of the frames.
    """
    import dataclasses

    import numpy as np

    from partnerface.artefacts import SubjectFolder, read_json, write_npz
    from partnerface.artefacts.arrays import open_npy
    from partnerface.errors import InputError
    from partnerface.landmarks.detect import detect

    folder = SubjectFolder(args.subject_dir)
    frames, camera = open_npy(folder.frames, "frames"), read_json(folder.camera, "frames")
    found = detect(frames, np.array(camera["faces"]), settings.views, settings.smoothing)
    if found.found.mean() < settings.min_found_fraction:
        raise InputError(
            f"{camera['video']}: landmarks are found in only {int(found.found.sum())} of {len(found)} frames, at "
            f"least {settings.min_found_fraction:.0%} (landmarks.min_found_fraction); give a sharper, brighter clip"
        )
    inputs = [folder.frames, folder.camera]
    write_npz(folder.landmarks, found.arrays(), "landmarks", inputs, **dataclasses.asdict(settings))
