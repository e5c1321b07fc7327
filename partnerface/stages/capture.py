"""Stage capture: is the clip good enough?"""

import argparse
from pathlib import Path

HELP = (
    "reads what the stages before it left, says in one line whether the clip is good, usable or poor and what to do "
    "about it, writes capture.json (all measures) and capture.jpg (the frames at the ends of each measure)"
)
SETTINGS = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface capture`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: None = None) -> None:
    """Measure and judge one clip."""
    import csv

    import numpy as np

    from partnerface.artefacts import SubjectFolder, check, read_json, read_npz, write, write_json
    from partnerface.artefacts.arrays import open_npy
    from partnerface.capture.assess import assess
    from partnerface.capture.face import FaceTrack
    from partnerface.errors import ArtefactError
    from partnerface.head.convert import check_same_head
    from partnerface.head.model import HeadModel
    from partnerface.landmarks.container import Landmarks
    from partnerface.progress import Progress
    from partnerface.video.sheet import KEPT, save_jpeg, sheet, tile

    folder, stage = SubjectFolder(args.subject_dir), "capture"
    with open(check(folder.frame_index, "frames"), newline="", encoding="utf-8") as file:
        sources = [(float(row["time_s"]), row["status"]) for row in csv.DictReader(file)]
    camera, frames = read_json(folder.camera, "frames"), open_npy(folder.frames, "frames")
    landmarks = Landmarks.from_arrays(read_npz(folder.landmarks, "landmarks"), str(folder.landmarks))
    tracking, head = read_npz(folder.tracking, "tracking"), HeadModel.load(folder.head)
    check_same_head(tracking, head, folder.tracking)
    classes = open_npy(folder.classes, "parsing")
    counts = {len(frames), len(landmarks), len(tracking["translation"]), len(classes), len(camera["time_s"])}
    if len(counts) > 1:
        raise ArtefactError(
            f"{folder.root}: frames, landmarks, tracking and classes have {sorted(counts)} frames; "
            "run `partnerface landmarks` and the stages after it again"
        )
    points = landmarks.points if landmarks.scheme == "mediapipe478" else None
    face = FaceTrack.of_clip(
        np.asarray(camera["time_s"], float), points, landmarks.found, landmarks.confidence, tracking
    )
    bar: list[Progress] = []

    def progress(done: int, total: int) -> None:
        if not bar:
            bar.append(Progress(stage, total))
        bar[0].step()

    result = assess(frames, classes, face, head, tracking, sources, progress)
    tiles = [tile(frames[position], words, KEPT) for words, position in result["examples"]]
    inputs = [
        folder.frame_index, folder.frames, folder.camera, folder.landmarks, folder.tracking, folder.head, folder.classes
    ]  # fmt: skip
    with write(folder.capture_sheet, stage, inputs) as temporary:
        save_jpeg(str(temporary), sheet(tiles, columns=6))
    write_json(folder.capture, result, stage, inputs)
    print(f"capture: {folder.name} is {result['line']}")
