"""Where the motion that drives an avatar comes from: a video, a tracking, or a table."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partnerface.artefacts.layout import SubjectFolder
from partnerface.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from partnerface.acting.actor import Actor
    from partnerface.driving.neutral import Arrays, Neutral
    from partnerface.head.model import HeadModel

#: A face at rest is looked at for so long to both sides of the moment that the user names, s.
REST_S = 0.1


@dataclass
class Driver:
    """A motion to drive with.

    Attributes:
        relative: T frames relative to the driver's neutral, see `driving.transfer`.
        neutral: the driver's.
        time_s: (T,) when these frames were. ticks: (N,) when the frames of the output are.
        fps: of the output.
        sound, sound_start_s: the file with the sound, and where in it the first tick is.
        picture: the driver's picture nearest to a time, (h, w, 3) uint8; None where there are none.
        notes: what is to be said, a sentence each.
    """

    relative: "Arrays"
    neutral: "Neutral"
    time_s: "np.ndarray"
    ticks: "np.ndarray"
    fps: float
    sound: Path | None = None
    sound_start_s: float = 0.0
    picture: "Callable[[float], np.ndarray] | None" = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wishes:
    """What the user asks of a driver: frames per second where the driver tells none, when its face is at rest, whether
    codes of another head are converted, and the setting tracking.head, which names the avatar's head for that."""

    fps: float
    neutral_at: float | None
    convert: bool
    tracking: Any


def from_video(video: Path, folder: SubjectFolder, actor: "Actor", wishes: Wishes) -> Driver:
    """A video that was tracked in a folder: its whole length, with its own sound."""
    import csv

    from partnerface.artefacts import check
    from partnerface.video.probe import probe

    driver = from_tracking(folder.tracking, actor, wishes)
    with open(check(folder.frame_index, "frames"), newline="") as file:
        rows = list(csv.DictReader(file))
    times = [float(row["time_s"]) for row in rows]
    driver.ticks = _ticks(times[0], times[-1], driver.fps)
    if probe(video).has_audio:
        driver.sound, driver.sound_start_s = video, times[0]
    if missing := sum(row["status"] not in ("kept", "skipped") for row in rows):
        driver.notes.append(f"{missing} of {len(times)} frames can't be used; the motion is held or bridged there")
    return driver


def from_tracking(path: Path, actor: "Actor", wishes: Wishes) -> Driver:
    """A tracking.npz of ours, with what lies beside it: head.npz, frames.json, frames.npy, sound.m4a.

    Raises:
        InputError: the file is none, or of another head and not to be converted.
    """
    import numpy as np

    from partnerface.artefacts import read_json
    from partnerface.artefacts.foreign import read_npz
    from partnerface.conventions import MOTION_NAMES
    from partnerface.driving.neutral import find_neutral
    from partnerface.driving.transfer import away

    again = "give the tracking.npz that `partnerface tracking` wrote"
    arrays = read_npz(path, again)
    if missing := [name for name in ("shape", "head_name", *MOTION_NAMES) if name not in arrays]:
        raise InputError(f"{path} lacks {', '.join(missing)}; {again}")
    folder, count = SubjectFolder(path.parent), len(arrays["translation"])
    camera = read_json(folder.camera, "frames") if folder.camera.is_file() else None
    if camera is not None and len(camera["time_s"]) != count:
        raise InputError(f"{folder.camera} is of another clip than {path}; run `partnerface tracking` again")
    fps = float(camera["fps"]) if camera else wishes.fps
    time_s = np.asarray(camera["time_s"], float) if camera else np.arange(count) / fps
    bridged = np.asarray(arrays.get("bridged", np.zeros(count)), bool)
    head = _head_of(path, arrays)
    neutral = find_neutral(head, arrays, np.flatnonzero(~bridged), _rest(time_s, bridged, wishes.neutral_at))
    relative, notes = _in_head(away(arrays, neutral), head, actor, wishes, path)
    driver = Driver(relative, neutral, time_s, _ticks(time_s[0], time_s[-1], fps), fps, notes=notes)
    if camera is not None and folder.sound.is_file():
        driver.sound = folder.sound
    if camera is not None and folder.frames.is_file():
        driver.picture = _pictures(folder, time_s)
    return driver


def from_table(path: Path, actor: "Actor", wishes: Wishes) -> Driver:
    """A CSV of expression components or ARKit's blendshapes, relative to the neutral.

    Raises:
        InputError: it is none, or the avatar's head does not know its names.
    """
    from partnerface.driving.movements import ARKIT, vocabulary
    from partnerface.driving.table import read_table
    from partnerface.head.builtin import builtin_head

    names, notes, source = actor.expression_names, [], None
    if "jawForward" not in vocabulary(names) and wishes.convert:
        source = builtin_head()
        names = source.expression_names
    table = read_table(path, vocabulary(names), len(names), wishes.fps)
    relative = table.relative
    if source is not None:
        relative, notes = _in_head(relative, source, actor, wishes, path)
    if table.unknown:
        hint = " (--convert maps ARKit's by way of the built-in head)" if set(table.unknown) & set(ARKIT) else ""
        notes.append(f"{path.name}: not used, since the head {actor.head} has no such movement: "
                     f"{', '.join(table.unknown)}{hint}")  # fmt: skip
    fps = wishes.fps if len(table.time_s) < 2 else _usual_rate(table.time_s)
    return Driver(relative, actor.neutral, table.time_s, _ticks(0.0, table.time_s[-1], fps), fps, notes=notes)


def check_head(name: str, actor: "Actor", source: object, convert: bool) -> None:
    """Raise InputError when a motion of the head `name` can't drive the avatar as it is, and is not to be converted."""
    if name != actor.head and not convert:
        raise InputError(
            f"{source} is of the head {name}, the avatar of {actor.head}, whose codes mean something else; track the "
            "driver with the avatar's head (--set tracking.head=...), or add --convert"
        )


def _in_head(
    relative: "Arrays", head: "HeadModel", actor: "Actor", wishes: Wishes, path: Path
) -> "tuple[Arrays, list[str]]":
    """A relative motion with its expression in the codes of the avatar's head, and what is to be said of it."""
    check_head(head.name, actor, path, wishes.convert)
    if head.name == actor.head:
        if relative["expression"].shape[1] != len(actor.neutral.values["expression"]):
            raise InputError(f"{path} has {relative['expression'].shape[1]} expression components, the avatar "
                             f"{len(actor.neutral.values['expression'])}; track with as many")  # fmt: skip
        return relative, []
    from partnerface.head.choose import choose_head
    from partnerface.head.convert import convert_expression

    chosen = choose_head(
        wishes.tracking.head,
        wishes.tracking.head_shapes,
        len(actor.neutral.values["expression"]),
        wishes.tracking.head_version,
    ).model
    if chosen.name != actor.head:
        raise InputError(
            f"to convert codes of {head.name} the avatar's head {actor.head} is needed; --set tracking.head=PATH of it "
            f"(that of now is {chosen.name})"
        )
    made = convert_expression(relative["expression"], head, chosen)
    said = f"codes of {head.name} are converted to {actor.head}, missing {made.residual_mm.mean():.2f} mm on average"
    return relative | {"expression": made.codes.astype("float64")}, [said]


def _head_of(path: Path, arrays: "dict[str, np.ndarray]") -> "HeadModel":
    """The head that a tracking is of: head.npz beside it, or the built-in one."""
    from partnerface.artefacts.foreign import read_npz
    from partnerface.head.builtin import NAME, builtin_head
    from partnerface.head.convert import check_same_head
    from partnerface.head.model import HeadModel

    file = SubjectFolder(path.parent).head
    if file.is_file():
        head = HeadModel.from_arrays(read_npz(file, "run `partnerface tracking` again"), str(file))
    elif str(arrays["head_name"]) == NAME:
        head = builtin_head()
    else:
        raise InputError(f"{path} is of the head {arrays['head_name']}, whose head.npz is missing beside it; copy it")
    check_same_head(arrays, head, path)
    return head


def _rest(time_s: "np.ndarray", bridged: "np.ndarray", moment: float | None) -> "np.ndarray | None":
    import numpy as np

    if moment is None:
        return None
    near = np.flatnonzero((np.abs(time_s - moment) <= REST_S) & ~bridged)
    if not len(near):
        raise InputError(
            f"--neutral-at is {moment:g} s, where the driver has no frame with a face; it lasts from {time_s[0]:.1f} "
            f"to {time_s[-1]:.1f} s"
        )
    return near


def _pictures(folder: SubjectFolder, time_s: "np.ndarray") -> "Callable[[float], np.ndarray]":
    import numpy as np

    from partnerface.artefacts.arrays import open_npy

    frames = open_npy(folder.frames, "frames")

    def picture(moment: float) -> "np.ndarray":
        return frames[int(np.abs(time_s - moment).argmin())]

    return picture


def _ticks(start: float, end: float, fps: float) -> "np.ndarray":
    import numpy as np

    return start + np.arange(round((end - start) * fps) + 1) / fps


def _usual_rate(time_s: "np.ndarray") -> float:
    import numpy as np

    return round(1 / float(np.median(np.diff(time_s))), 3)
