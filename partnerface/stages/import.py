# ruff: noqa: N999 -- a stage's module bears the stage's name; it is imported by name, not by a statement
"""Stage import: another program's pictures, cameras and tracking as a subject of ours."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partnerface.config.settings import ImportSettings

if TYPE_CHECKING:
    import numpy as np

    from partnerface.exchange.place import Placement
    from partnerface.exchange.recording import Recording
    from partnerface.head.model import HeadModel

HELP = (
    "reads the folder that another program wrote (metrical-tracker, INSTA, IMavatar and those that share its folders, "
    "VHAP, nerfstudio), writes what the stages frames and tracking would: frames.npy, frames.csv, frames.json, "
    "frames.jpg, a silent sound.m4a, tracking.npz, head.npz and tracking.mp4, and beside them its cameras and masks as "
    "they were. The head's landmarks are compared with those found in the pictures; where they don't fit, the message "
    "names the likely mistake.\n\n"
    "Codes belong to one head model: most are FLAME's, whose file you get at flame.is.tue.mpg.de and give with --head. "
    "Without it, --tracking own takes pictures and cameras alone, and our own tracker tracks the head anew."
)
EPILOG = """\
examples:
  partnerface import ~/insta/bala results/bala --head ~/flame/generic_model.pkl
  partnerface import ~/vhap/export/me results/me --head ~/flame/flame2023.pkl --camera 0
  partnerface import ~/imavatar/yufeng results/yufeng --tracking own
  partnerface run --import ~/insta/bala --set import.head=~/flame/generic_model.pkl     and on to the avatar

docs/formats.md says for each format which keys and axes it has, what is kept and what is lost.
"""
SETTINGS = ImportSettings
STAGE = "import"
#: Frames per second of pictures that say nothing of time.
FPS = 25.0
#: The checked frames in tracking.mp4 follow one another at this rate, so that each can be looked at.
SHOWN_FPS = 4.0
#: Where to get the file of a head model.
FILES = {
    "flame2020": "FLAME 2020's generic_model.pkl",
    "flame2023": "flame2023.pkl",
    "flame2023-open": "the open FLAME 2023's .pkl",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface import`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what the other program wrote")
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: ImportSettings) -> None:
    """Read, look whether it fits, and store.

    Raises:
        InputError: the folder can't be read, the head model is missing or another, or the tracking does not sit on the
            face; nothing is written then.
    """
    import dataclasses

    from partnerface.artefacts import SubjectFolder
    from partnerface.exchange import formats

    folder, subject = args.folder.expanduser(), SubjectFolder(args.subject_dir)
    recording = formats.read(folder, settings.format, settings.camera)
    head, head_files = None, []
    if settings.tracking == "own":
        recording = recording.without_parameters("pictures and cameras are imported, the head will be tracked anew")
    else:
        recording, head, head_files = _with_head(recording, settings)
    place = _placement(recording, settings.size)
    for note in recording.notes:
        print(f"import: {note}", file=sys.stderr)
    seen = _looked_at(recording, place, settings.check_frames)
    percent = None if head is None else _checked(recording, head, place, seen, settings.max_error)
    params = dataclasses.asdict(settings)
    inputs = _inputs(folder, recording)
    _store_frames(subject, recording, place, settings, inputs, params)
    if head is None:
        ratio = place.focal / place.size
        print(
            f"import: {len(recording)} pictures of {recording.format} are imported without tracking, and the head will "
            f"be tracked anew; --set tracking.focal_ratio={ratio:.4f} keeps the imported focal length",
            file=sys.stderr,
        )
    else:
        assert percent is not None
        _store_tracking(subject, recording, head, place, seen, percent, [*inputs, *head_files], params)
        print(
            f"import: {len(recording)} frames of {recording.format}; the head's landmarks miss those found in the "
            f"pictures by {percent:.1f} % of the distance of the outer eye corners",
            file=sys.stderr,
        )


def _with_head(recording: "Recording", settings: ImportSettings) -> "tuple[Recording, HeadModel, list[Path]]":
    """The recording, under the basis that the user says, the head for its codes, and the head's files."""
    import dataclasses

    from partnerface.errors import InputError
    from partnerface.exchange.place import head_for
    from partnerface.head.choose import choose_head

    own = "or say --tracking own to take pictures and cameras alone, which our own tracker then tracks anew"
    if not recording.parameters:
        raise InputError(f"{recording.notes[-1]}; {own}")
    if settings.basis is not None:
        recording = dataclasses.replace(recording, head=settings.basis)
    if settings.head == "builtin" and recording.head.startswith("flame"):
        file = FILES.get(recording.head, f"the file of {recording.head}")
        raise InputError(
            f"{recording.folder} has codes of FLAME, so its head model is needed: give --head {file} (from "
            f"flame.is.tue.mpg.de), {own}"
        )
    sizes = (recording.parameters["shape"].shape[0], recording.parameters["expression"].shape[1])
    chosen = choose_head(settings.head, *sizes)
    if chosen.said:
        print(f"import: {chosen.said}", file=sys.stderr)
    return recording, head_for(recording, chosen.model), chosen.files


def _placement(recording: "Recording", most: int) -> "Placement":
    """The squares to cut; of pictures that aren't square, around the face."""
    import numpy as np

    from partnerface.exchange.pictures import load
    from partnerface.exchange.place import placement
    from partnerface.video.faces import FaceDetector

    width, height = recording.size
    if width == height:
        return placement(recording.K, recording.size, most)
    boxes = []
    with FaceDetector() as detector:
        for k in np.unique(np.linspace(0, len(recording) - 1, 24).round().astype(int)):
            found = detector(load(recording.images[k], recording.size)[0])
            boxes += [found.boxes[found.boxes[:, 4].argmax()]] if len(found) else []
    centre = np.median([[(b[0] + b[2]) / 2, (b[1] + b[3]) / 2] for b in boxes], axis=0) if boxes else None
    return placement(recording.K, recording.size, most, centre)


def _picture(recording: "Recording", place: "Placement", k: int) -> "tuple[np.ndarray, np.ndarray | None]":
    """A stored frame (s, s, 3), laid over white where it has alpha, and the person's alpha (s, s) where it is known."""
    from partnerface.exchange import pictures

    rgb, alpha = pictures.load(recording.images[k], recording.size)
    if alpha is not None:
        rgb = pictures.over_white(rgb, alpha)
    mask = recording.masks[k]
    if mask is not None:
        alpha = pictures.load_mask(mask, recording.size)
    box, size = place.boxes[k], place.size
    return pictures.cut(rgb, box, size), None if alpha is None else pictures.cut(alpha, box, size, beyond=0)


class _Seen:
    """Frames that were looked at: their numbers, and the landmarks found there."""

    def __init__(self, index: "np.ndarray", points: "np.ndarray"):
        self.index, self.points = index, points


def _looked_at(recording: "Recording", place: "Placement", count: int) -> _Seen:
    """MediaPipe's landmarks in evenly spread frames that show a face.

    Raises:
        InputError: none does.
    """
    import numpy as np

    from partnerface.errors import InputError
    from partnerface.landmarks.detect import detect
    from partnerface.video.faces import FaceDetector

    index = np.unique(np.linspace(0, len(recording) - 1, min(count, len(recording))).round().astype(int))
    frames = np.stack([_picture(recording, place, int(k))[0] for k in index])
    with FaceDetector() as detector:
        boxes = _boxes([detector(frame) for frame in frames])
    if boxes is None:
        raise InputError(f"{recording.folder}: no face is seen in {len(index)} pictures; are they the right ones?")
    found = detect(frames, boxes, views=1, smoothing=0.0)
    if not found.found.any():
        raise InputError(f"{recording.folder}: no landmarks are found in any of {len(index)} pictures")
    return _Seen(index[found.found], found.points[found.found][..., :2].astype(np.float64))


def _boxes(found: list[Any]) -> "np.ndarray | None":
    """(N, 4) the surest face of each picture, or that of the nearest picture with one; None where none has one."""
    import numpy as np

    there = [k for k, faces in enumerate(found) if len(faces)]
    if not there:
        return None
    nearest = [there[int(np.abs(np.array(there) - k).argmin())] for k in range(len(found))]
    return np.stack([found[k].boxes[found[k].boxes[:, 4].argmax(), :4] for k in nearest])


def _checked(recording: "Recording", head: "HeadModel", place: "Placement", seen: _Seen, bound: float) -> float:
    """The error in percent; raises InputError, naming the likely mistake, when it is above the bound."""
    from partnerface.errors import InputError
    from partnerface.exchange.check import check, verdict
    from partnerface.landmarks.schemes import mirror

    fit = check(recording, head, place, seen.index, seen.points)
    if fit.percent <= bound:
        return fit.percent
    hint = verdict(recording, head, place, seen.index, seen.points, mirror("mediapipe478"), bound)
    amount = f"by {fit.percent:.1f} %" if fit.percent < 1e4 else "altogether"
    raise InputError(
        f"{recording.folder} read as {recording.format} does not fit its pictures: its landmarks miss those found "
        f"{amount} of the distance of the outer eye corners, at most {bound:g} % (import.max_error); {hint}"
    )


def _inputs(folder: Path, recording: "Recording") -> list[Path]:
    """What the stamps tell of the source: its JSONs, or its `.frame` files' folder, and the pictures' folders."""
    places = sorted({image.parent for image in recording.images})
    jsons = sorted({file for place in places for up in (place, *place.parents[:3]) for file in up.glob("*.json")
                    if file.is_relative_to(folder)})  # fmt: skip
    return [*jsons, *(p for p in (folder / "checkpoint", folder / "flame_param") if p.is_dir()), *places]


def _store_frames(
    subject: Any, recording: "Recording", place: "Placement", settings: ImportSettings, inputs: list[Path], params: dict
) -> None:
    """What the stage frames would leave, and the cameras and masks as they were."""
    import numpy as np

    from partnerface.artefacts import write, write_json, write_npz
    from partnerface.artefacts.arrays import npy_writer
    from partnerface.artefacts.files import stamp_path
    from partnerface.exchange.index import describe, index_table, times
    from partnerface.progress import track
    from partnerface.video.faces import FaceDetector
    from partnerface.video.sheet import KEPT, save_jpeg, sheet, tile
    from partnerface.video.sound import silence

    count, size = len(recording), place.size
    fps = settings.fps or recording.fps or FPS
    kept, time_s = times(recording.numbers, recording.clip, fps)
    shown, tiles = set(np.linspace(0, count - 1, min(24, count)).round().astype(int).tolist()), []
    found, alphas = [], 0
    with (
        FaceDetector() as detector,
        write(subject.frames, STAGE, inputs, params) as path,
        npy_writer(path, (count, size, size, 3), "uint8") as append,
        write(subject.imported_alpha, STAGE, inputs, params) as alpha_path,
        npy_writer(alpha_path, (count, size, size), "uint8") as append_alpha,
    ):
        for k in track(range(count), STAGE, count):
            image, alpha = _picture(recording, place, k)
            append(image)
            append_alpha(np.full((size, size), 255, np.uint8) if alpha is None else alpha)
            alphas += alpha is not None
            found.append(detector(image))
            if k in shown:
                tiles.append(tile(image, f"{kept[k]} imported", KEPT))
    if not alphas:
        for file in (subject.imported_alpha, stamp_path(subject.imported_alpha)):
            file.unlink()
    boxes = _boxes(found)
    assert boxes is not None  # some were found when it was looked at
    with write(subject.frame_index, STAGE, inputs, params) as path:
        path.write_text(index_table(kept, time_s, fps, str(recording.folder)))
    with write(subject.contact_sheet, STAGE, inputs, params) as path:
        save_jpeg(str(path), sheet(tiles))
    with write(subject.sound, STAGE, inputs, params) as path:
        silence(path, float(time_s[-1] - time_s[0]) + 1 / fps)
    write_npz(subject.imported_cameras, {"K": recording.K, "w2c": recording.w2c, "boxes": place.boxes}, STAGE, inputs)
    write_json(subject.camera, describe(recording, place, fps, kept, time_s, boxes), STAGE, inputs, **params)


def _store_tracking(
    subject: Any,
    recording: "Recording",
    head: "HeadModel",
    place: "Placement",
    seen: _Seen,
    percent: float,
    inputs: list[Path],
    params: dict,
) -> None:
    """What the stage tracking would leave."""
    import numpy as np

    from partnerface.artefacts import read_json, write, write_npz
    from partnerface.artefacts.arrays import open_npy
    from partnerface.exchange.check import check
    from partnerface.exchange.index import tracking_arrays
    from partnerface.tracking.clip import clip_time
    from partnerface.tracking.course import course, sheet_pictures
    from partnerface.tracking.overlay import overlay
    from partnerface.video.encode import encode
    from partnerface.video.sheet import save_jpeg, sheet

    error = check(recording, head, place, seen.index, seen.points).error_px
    arrays, notes = tracking_arrays(recording, head, place, seen.index, error, percent)
    for note in notes:
        print(f"import: {note}", file=sys.stderr)
    points = np.full((len(recording), *seen.points.shape[1:]), np.nan, np.float32)
    points[seen.index] = seen.points
    there = np.zeros(len(recording), bool)
    there[seen.index] = True
    arrays["warnings"] = np.array(notes, dtype=np.str_)
    arrays |= course(head, arrays, points, there, clip_time(read_json(subject.camera, STAGE)))
    write_npz(subject.head, head.arrays(), STAGE, inputs, **params)
    write_npz(subject.tracking, arrays, STAGE, inputs, **params)
    frames = open_npy(subject.frames, STAGE)
    tiles = list(sheet_pictures(frames, head, arrays, points))
    with write(subject.tracking_sheet, STAGE, inputs, params) as temporary:
        save_jpeg(str(temporary), sheet(tiles, columns=3))
    with write(subject.tracking_video, STAGE, inputs, params) as temporary:
        encode(temporary, overlay(frames, head, arrays, points, seen.index), SHOWN_FPS)
