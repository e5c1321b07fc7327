"""Stage landmarks: the points of the face in each stored frame."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from partnerface.config.settings import LandmarksSettings

if TYPE_CHECKING:
    import numpy as np

    from partnerface.artefacts.arrays import ClipArray
    from partnerface.landmarks.container import Landmarks

HELP = (
    "reads frames.npy, writes landmarks.npz (MediaPipe's 478 points per frame, with confidence and visibility, and "
    "face-alignment's 68 where wanted), from which the head model is fitted"
)
SETTINGS = LandmarksSettings
#: Names of face-alignment's arrays beside MediaPipe's, and the suffix of points before the filter.
BESIDE, RAW = "ibug68_", "points_raw"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface landmarks`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: LandmarksSettings) -> None:
    """Find the landmarks of every frame.

    Raises:
        InputError: they are found in less than `min_found_fraction` of the frames; files of a detector are absent or
            damaged.
    """
    import dataclasses

    import numpy as np

    from partnerface.artefacts import SubjectFolder, read_json, write_npz
    from partnerface.artefacts.arrays import open_npy
    from partnerface.errors import InputError
    from partnerface.landmarks.filter import filtered

    folder = SubjectFolder(args.subject_dir)
    frames, camera = open_npy(folder.frames, "frames"), read_json(folder.camera, "frames")
    inputs, arrays = [folder.frames, folder.camera], {}
    for prefix, found, file in _detected(frames, np.array(camera["faces"]), settings):
        if not prefix and found.found.mean() < settings.min_found_fraction:
            raise InputError(
                f"{camera['video']}: landmarks are found in only {int(found.found.sum())} of {len(found)} frames, at "
                f"least {settings.min_found_fraction:.0%} (landmarks.min_found_fraction); give a sharper, brighter clip"
            )
        inputs += [file] if file else []
        if settings.filter != "none":
            arrays[prefix + RAW] = found.points
            found = filtered(found, np.array(camera["time_s"]), settings.filter, settings.filter_width)
        arrays |= found.arrays(prefix)
    write_npz(folder.landmarks, arrays, "landmarks", inputs, **dataclasses.asdict(settings))


def _detected(
    frames: "ClipArray", faces: "np.ndarray", settings: LandmarksSettings
) -> "Iterator[tuple[str, Landmarks, Path | None]]":
    """What each detector finds: the prefix of its arrays, its landmarks, and the file of its weights or None."""
    from partnerface.landmarks.detect import detect
    from partnerface.landmarks.fan import detect68, load_network, squares, weights_file
    from partnerface.landmarks.mesh import FaceMesh
    from partnerface.landmarks.task import TaskMesh

    network, weights = None, None
    if settings.detector != "mediapipe":  # first, so that what is missing is said before the work
        weights = weights_file(settings.weights)
        network = load_network(weights)
    mesh = None
    if settings.detector != "face-alignment":
        task = Path(settings.task_file).expanduser() if settings.task_file else None
        reader = (lambda: TaskMesh(task)) if task else FaceMesh
        mesh = detect(frames, faces, settings.views, settings.smoothing, reader)
        yield "", mesh, task
    if network is not None:
        yield "" if mesh is None else BESIDE, detect68(frames, squares(faces, mesh), network), weights
