"""The report on the clip: source frames kept and dropped, splits of the dataset."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from partnerface.artefacts.arrays import open_npy
from partnerface.artefacts.files import read_json, read_npz
from partnerface.artefacts.layout import DatasetFolder, SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.strips import Strip, strip

#: More stretches of dropped frames than this are counted, not listed.
LISTED = 60

#: What a status means, for readers.
STATUS_WORDS = {
    "kept": "kept",
    "no_face": "no face found",
    "blurred": "too blurred",
    "cut": "another shot",
    "out_of_frame": "face out of the frame",
    "other_person": "another person",
    "skipped": "left out by the frame rate",
}


@dataclass(frozen=True)
class Dropped:
    """A stretch of source frames that were dropped for one reason."""

    first: int
    last: int
    start_s: float
    end_s: float
    status: str
    reason: str


@dataclass(frozen=True)
class SourceFrames:
    """What frames.csv says."""

    total: int
    kept: int
    counts: tuple[tuple[str, int], ...]
    strip: Strip
    dropped: tuple[Dropped, ...]
    unlisted: int

    missing = False


def source_frames(shelf: Shelf, subject: SubjectFolder) -> SourceFrames | Missing:
    """Read frames.csv."""
    data = shelf.file(subject.frame_index, "frames")
    if isinstance(data, Missing):
        return data
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"))))
        numbered = [(int(row["frame"]), float(row["time_s"]), row["status"], row["reason"]) for row in rows]
    except (KeyError, ValueError, TypeError):
        return Missing("frames.csv is of another form; run `partnerface frames` again")
    stretches = []
    for (status, reason), members in groupby(numbered, lambda row: row[2:]):
        stretch = list(members)
        if status not in ("kept", "skipped"):
            stretches.append(Dropped(stretch[0][0], stretch[-1][0], stretch[0][1], stretch[-1][1], status, reason))
    counts = Counter(row[2] for row in numbered)
    return SourceFrames(
        len(numbered),
        counts["kept"],
        tuple((STATUS_WORDS.get(status, status), count) for status, count in counts.most_common() if status != "kept"),
        strip("source frames", [_kind(row[2]) for row in numbered]),
        tuple(stretches[:LISTED]),
        len(stretches[LISTED:]),
    )


def _kind(status: str) -> str:
    return status if status in STATUS_WORDS else "other"


@dataclass(frozen=True)
class Splits:
    """Which frames of the dataset serve for what, one strip per split, and the frames that serve for nothing."""

    strips: tuple[Strip, ...]
    guard: int
    mask_policy: str
    size: tuple[int, int]

    missing = False


def splits(shelf: Shelf, subject: SubjectFolder) -> Splits | Missing:
    """Read dataset/dataset.npz."""
    dataset = DatasetFolder(subject.dataset)
    try:
        arrays = read_npz(dataset.parameters, "dataset")
        held_out, train = np.asarray(arrays["heldout"], bool), np.asarray(arrays["train"], bool)
        names = [str(name) for name in arrays["splits"]]
        height, width = open_npy(dataset.rgb, "dataset").shape[1:3]
    except ArtefactError as error:
        return Missing(shelf.say(error))
    except KeyError:
        return Missing("dataset/dataset.npz is of another form; run `partnerface dataset` again")
    rows = [strip("train", _marked(train, "train"))]
    rows += [strip(name, _marked(members, "held")) for name, members in zip(names, held_out, strict=True)]
    guard = ~(train | held_out.any(0)) if len(held_out) else ~train
    if guard.any():
        rows.append(strip("guard band", _marked(guard, "guard")))
    return Splits(tuple(rows), int(guard.sum()), str(arrays["mask_policy"]), (width, height))


def _marked(members: np.ndarray, kind: str) -> Sequence[str | None]:
    return [kind if member else None for member in members]


@dataclass(frozen=True)
class Facts:
    """The source video in a few numbers: name, width and height in px, frames per second, edge of the stored frames,
    and what there is to know of it (cuts, other people, dynamic range) in sentences."""

    video: str
    width: int
    height: int
    fps: float
    size: int
    notes: tuple[str, ...] = ()

    missing = False


def source_facts(shelf: Shelf, subject: SubjectFolder) -> Facts | Missing:
    """Read frames.json."""
    try:
        camera = read_json(subject.camera, "frames")
        return Facts(
            str(camera["video"]),
            int(camera["clips"][0]["width"]),
            int(camera["clips"][0]["height"]),
            float(camera["fps"]),
            int(camera["size"]),
            tuple(str(note) for note in camera.get("notes", ())),
        )
    except ArtefactError as error:
        return Missing(shelf.say(error))
    except (KeyError, IndexError, TypeError, ValueError):
        return Missing("frames.json is of another form; run `partnerface frames` again")
