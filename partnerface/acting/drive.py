"""The command `partnerface drive`: an avatar moved by another person. It is no stage of the road."""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from partnerface.acting.flags import check_number
from partnerface.artefacts.layout import find_avatar
from partnerface.errors import ArtefactError, InputError

if TYPE_CHECKING:
    import numpy as np

    from partnerface.acting.actor import Actor
    from partnerface.acting.drivers import Driver
    from partnerface.driving.neutral import Arrays

    Pictures = Iterator[np.ndarray]

DESCRIPTION = """\
Move an avatar by another person's face. What counts is how the driver differs from his own face at rest; that is put
on the avatar's face at rest, so that it keeps its own looks. Expression, jaw, lids, gaze and the head's motion are
carried over, the avatar's own camera looks on, and the driver's sound stays in sync.

DRIVER is one of
  a video        of a person, any length, as it comes: it is tracked first, in drivers/<name>/ beside OUT, which a
                 further command uses again, and a killed one goes on with
  tracking.npz   of ours, or the folder results/<subject> that holds it
  a CSV          with a row per frame, whose columns are ARKit's 52 blendshapes (jawOpen, mouthSmileLeft, ...) or
                 expression components of the avatar's head, and optionally time_s, frame or Timecode
"""
EPILOG = """\
examples:
  partnerface drive results/me/partnerface other.mp4 -o driven.mp4
  partnerface drive results/me/partnerface other.mp4 -o driven.mp4 --side-by-side --size 512
  partnerface drive results/me/partnerface other.mp4 -o driven.mp4 --set tracking.refine=false     tracked faster
  partnerface drive avatar.safetensors results/other -o driven.mp4 --pose fixed
  partnerface drive avatar.safetensors take.csv -o driven.mp4 --pose own
  partnerface drive results/me/partnerface --heldout results/me -o self.mp4 --side-by-side
  partnerface drive --about results/me/partnerface                    what the avatar's file holds

docs/driving.md says what the neutral is, what each value of a CSV does, and how far an avatar can be driven.
"""
SUFFIXES = (".mp4", ".mov", ".mkv")
POSES = {
    "driver": "the driver's motion about the avatar's usual pose",
    "own": "the avatar's own, from its training clip",
    "fixed": "none; the eyes keep what they look at",
}


def parser() -> argparse.ArgumentParser:
    """The command line of `partnerface drive`."""
    from partnerface.driving import BEYOND

    made = argparse.ArgumentParser(
        prog="partnerface drive",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("avatar", type=Path, metavar="AVATAR", help="avatar.safetensors, or the folder that holds it")
    made.add_argument("driver", type=Path, nargs="?", metavar="DRIVER", help="who moves it; see above")
    made.add_argument("-o", "--output", type=Path, metavar="OUT", help="the video to write: .mp4, .mov or .mkv")
    made.add_argument("--about", action="store_true", help="say what AVATAR holds, and do nothing else")
    made.add_argument(
        "--heldout", type=Path, metavar="SUBJECT_DIR",
        help="in place of DRIVER: the avatar's own held-out frames, from the dataset/ that it was trained on",
    )  # fmt: skip
    made.add_argument("--pose", choices=list(POSES), default="driver",
                      help="motion of the head: " + "; ".join(f"{name}, {what}" for name, what in POSES.items())
                      + " [driver]")  # fmt: skip
    made.add_argument("--side-by-side", action="store_true", help="the driver to the left of the avatar")
    made.add_argument("--size", type=int, metavar="PX", help="edge of the picture [the avatar's own]")
    made.add_argument("--step-mm", type=float, default=4.0, metavar="MM", help="distance of two samples on a ray [4]")
    made.add_argument(
        "--beyond", type=float, default=BEYOND, metavar="SHARE",
        help="how far expressions, turns and shifts may go beyond what the avatar saw in training, as a share of it; "
        f"they bend softly towards that limit [{BEYOND}]",
    )  # fmt: skip
    made.add_argument("--neutral-at", type=float, metavar="S", help="when the driver's face is at rest [found]")
    made.add_argument("--fps", type=float, default=30.0, metavar="RATE", help="of a DRIVER that tells no times [30]")
    made.add_argument("--convert", action="store_true", help="convert codes of another head model, by least squares")
    made.add_argument("--work", type=Path, metavar="DIR", help="where a video is tracked [drivers/<name> beside OUT]")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
                      help="how a video is tracked, as frames.key=value, landmarks... or tracking...")  # fmt: skip
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; see `partnerface.cli.main` for what it returns and how errors are told."""
    from partnerface.acting.actor import Actor

    args = parser().parse_args(argv)
    if args.about:
        from partnerface.acting.about import about

        print("\n".join(about(Actor.read(find_avatar(args.avatar)))))
        return 0
    _check(args)
    actor = Actor.read(find_avatar(args.avatar), args.step_mm)
    if args.heldout is not None:
        _self_driven(actor, args)
        return 0
    driver = _driver(actor, args)
    for note in (*actor.notes, *driver.notes):
        print(f"drive: {note}", file=sys.stderr)
    motion = _motion(actor, driver, args)
    _write(args, actor, driver, motion, lambda start: actor.pictures(motion, args.size, start))
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise InputError for what can be seen before any work is done."""
    if (args.driver is None) == (args.heldout is None):
        raise InputError("give one driver: a video, a tracking.npz or a CSV; or --heldout SUBJECT_DIR")
    if args.output is None:
        raise InputError("say where to write to: -o OUT.mp4")
    if args.output.suffix.lower() not in SUFFIXES:
        raise InputError(f"{args.output} is no name of a video; allowed endings: {', '.join(SUFFIXES)}")
    check_number("--size", args.size, 16, 4096)
    check_number("--step-mm", args.step_mm, 0.5, 50)
    check_number("--beyond", args.beyond, 0, 100)
    check_number("--fps", args.fps, 1, 1000)
    if args.driver is not None and not args.driver.expanduser().exists():
        raise InputError(f"there is no file {args.driver}; give a video, a tracking.npz or a CSV")
    if args.side_by_side and args.driver is not None and args.driver.suffix.lower() == ".csv":
        raise InputError(f"--side-by-side wants pictures of the driver, and {args.driver} has none; leave it out")


def _driver(actor: "Actor", args: argparse.Namespace) -> "Driver":
    from partnerface.acting import drivers
    from partnerface.acting.tracked import STAGES, track_video
    from partnerface.config.changes import sections_with
    from partnerface.config.subjects import sanitised

    settings = sections_with(args.changes, STAGES)
    wishes = drivers.Wishes(args.fps, args.neutral_at, args.convert, settings["tracking"])
    source = args.driver.expanduser()
    if source.is_dir() and (source / "tracking.npz").is_file():
        source = source / "tracking.npz"
    if source.suffix.lower() == ".csv":
        return drivers.from_table(source, actor, wishes)
    if source.suffix.lower() == ".npz":
        driver = drivers.from_tracking(source, actor, wishes)
    else:
        _check_head_to_come(actor, settings["tracking"], args.convert)
        root = args.work or args.output.expanduser().parent / "drivers" / sanitised(source.stem)
        driver = drivers.from_video(source, track_video(source, root, settings), actor, wishes)
    if args.side_by_side and driver.picture is None:
        raise InputError(f"--side-by-side wants frames.json and frames.npy beside {source}; copy them, or leave it out")
    return driver


def _check_head_to_come(actor: "Actor", tracking, convert: bool) -> None:
    """Refuse a head that does not fit before minutes are spent on tracking with it."""
    from partnerface.acting.drivers import check_head
    from partnerface.head.choose import choose_head

    chosen = choose_head(tracking.head, tracking.head_shapes, tracking.head_expressions, tracking.head_version)
    check_head(chosen.model.name, actor, "the driver's tracking (tracking.head)", convert)


def _motion(actor: "Actor", driver: "Driver", args: argparse.Namespace) -> "Arrays":
    """What the avatar is to do at the driver's ticks, relative to its neutral and within its reach."""
    from partnerface.acting.actor import within_reach
    from partnerface.driving.transfer import at_rest, resample, with_pose

    relative = resample(driver.relative, driver.time_s, driver.ticks)
    if args.pose != "driver":
        pose = at_rest(actor.neutral, len(driver.ticks)) if args.pose == "fixed" else _own_pose(actor, driver)
        relative = with_pose(relative, driver.neutral, pose, actor.neutral)
    return within_reach(actor, relative, args.beyond)


def _own_pose(actor: "Actor", driver: "Driver") -> "Arrays":
    """The avatar's own motion of the head, over and over, forwards and backwards in turn."""
    import numpy as np

    from partnerface.driving.transfer import LONGEST_BRIDGE_S, away, resample

    if actor.known.is_guess:
        raise ArtefactError(f"{actor.path} has the format {actor.format}, which holds no motion; train it again")
    # Held-out stretches are missing, and are bridged rather than waited for.
    steps = np.minimum(np.diff(actor.known.time_s), LONGEST_BRIDGE_S)
    time_s = np.concatenate([[0.0], np.cumsum(steps)])
    phase = (driver.ticks - driver.ticks[0]) % max(2 * time_s[-1], 1e-9)
    return resample(away(actor.known.motion, actor.neutral), time_s, np.minimum(phase, 2 * time_s[-1] - phase))


def _write(
    args: argparse.Namespace, actor: "Actor", driver: "Driver", motion: "Arrays", make: "Callable[[int], Pictures]"
) -> None:
    """Write what `make` gives from a frame on."""
    from partnerface.video.pieces import encode_in_pieces

    count, output = len(driver.ticks), args.output.expanduser()

    def frames(start: int) -> "Pictures":
        if not args.side_by_side:
            return make(start)
        assert driver.picture is not None
        return _beside(map(driver.picture, driver.ticks[start:]), make(start))

    mark = _mark(actor, motion, driver.fps, args)
    encode_in_pieces(output, frames, count, driver.fps, mark, "drive", driver.sound, driver.sound_start_s)
    sound = "with the driver's sound" if driver.sound else "silent"
    print(f"{output}: {count} frames, {count / driver.fps:.1f} s, {sound}")


def _mark(actor: "Actor", motion: "Arrays", fps: float, args: argparse.Namespace) -> str:
    """What the pictures are made by: pieces of a killed call are of use to one that would make the same."""
    from partnerface import __version__
    from partnerface.artefacts.files import digest

    shown = (__version__, digest(actor.path), actor.step, args.size, fps, args.side_by_side, str(args.driver))
    made = hashlib.sha256(repr(shown).encode())
    for name in sorted(motion):
        made.update(motion[name].tobytes())
    return made.hexdigest()


def _beside(left: "Pictures", right: "Pictures") -> "Pictures":
    """Pictures in pairs, the left one brought to the height of the right one."""
    import cv2
    import numpy as np

    for picture in right:
        other, height = next(left), len(picture)
        width = round(other.shape[1] * height / other.shape[0])
        if other.shape[0] != height:
            shrinks = height < other.shape[0]
            other = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        yield np.concatenate([other, picture], axis=1)


def _self_driven(actor: "Actor", args: argparse.Namespace) -> None:
    """The avatar by the motion of its own held-out frames, as they were tracked."""
    import numpy as np
    import torch

    from partnerface.acting.drivers import Driver
    from partnerface.artefacts import SubjectFolder
    from partnerface.artefacts.files import read_stamp
    from partnerface.artefacts.layout import DatasetFolder
    from partnerface.avatar.pictures import scaled_camera
    from partnerface.conventions import MOTION_NAMES
    from partnerface.training.dataset import Dataset

    folder = SubjectFolder(args.heldout.expanduser()).dataset
    dataset = Dataset.load(folder)
    made_with = actor.facts.get("sha256", {}).get("dataset.npz")
    if actor.head != dataset.head.name or made_with not in (
        None,
        read_stamp(DatasetFolder(folder).parameters)["sha256"],
    ):
        raise ArtefactError(f"{actor.path} was not trained on {folder}; give the folder of its own subject")
    positions = np.unique(np.concatenate([np.empty(0, int), *dataset.splits.values()]))
    if not len(positions):
        raise InputError(f"{folder} holds no frames out; set dataset.splits and run `partnerface dataset` again")
    size = dataset.size
    _, height, width = scaled_camera(dataset.values["K"][0], size, args.size or max(size))
    cameras = [scaled_camera(dataset.values["K"][k], size, args.size or max(size))[0] for k in positions]
    motion = {name: dataset.values[name][positions] for name in MOTION_NAMES}
    fps = float(dataset.values["fps"])
    ticks = np.arange(len(positions)) / fps
    driver = Driver(motion, actor.neutral, ticks, ticks, fps)
    driver.picture = lambda moment: dataset.rgb[int(positions[round(moment * fps)])]
    shots = torch.stack(cameras)
    _write(args, actor, driver, motion, lambda start: actor.rendered(motion, shots, height, width, start))
