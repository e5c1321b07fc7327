"""What `partnerface render` makes with -o: an avatar from new directions and with a face that nobody made."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partnerface.acting.actor import Actor, within_reach
from partnerface.artefacts.layout import find_avatar
from partnerface.config.settings import RenderSettings
from partnerface.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from partnerface.driving.neutral import Arrays

PICTURES, VIDEOS = (".png", ".jpg"), (".mp4", ".mov", ".mkv")
SECONDS, FPS = 6.0, 30.0
#: What is asked for by name may go farther beyond what the avatar saw than what a driver happens to do.
BEYOND = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags beside those of the stage."""
    group = parser.add_argument_group("new views and faces (with -o)")
    group.add_argument("-o", "--output", type=Path, metavar="OUT", help="a video (.mp4) or a picture (.png) to write")
    group.add_argument(
        "--orbit", type=float, metavar="DEG",
        help="let the camera swing round the head once, so many degrees to either side",
    )  # fmt: skip
    group.add_argument(
        "--edit", metavar="NAME=X,...",
        help="what the face does, away from rest: components of its head, ARKit's names, jaw_open, blink, gaze_yaw "
        "(degrees), smile...; `partnerface drive --about AVATAR` lists them. In a video without --orbit it comes and "
        "goes",
    )  # fmt: skip
    group.add_argument("--parts", action="store_true",
                       help="show in a picture which part of the deformation moves what, at first and as learned, and "
                       "how far, and print a table")  # fmt: skip
    group.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"length of a video [{SECONDS:g}]")
    group.add_argument("--fps", type=float, default=FPS, metavar="RATE", help=f"frames per second [{FPS:g}]")
    group.add_argument("--beyond", type=float, default=BEYOND, metavar="SHARE",
                       help=f"how far an edit may go beyond what the avatar saw, as in `drive` [{BEYOND}]")  # fmt: skip
    group.add_argument("--size", type=int, metavar="PX", help="edge of the picture [the avatar's own]")


def asked(args: argparse.Namespace) -> bool:
    """Whether a new view is wanted, and not the stage."""
    return args.output is not None or args.orbit is not None or args.edit is not None or args.parts


def run(args: argparse.Namespace, settings: RenderSettings) -> None:
    """Render an avatar by itself.

    Raises:
        InputError: a flag is impossible, or a name in --edit unknown.
        ArtefactError: there is no avatar that can be read.
    """
    from partnerface.acting.flags import check_number
    from partnerface.driving.scenes import come_and_go, orbit
    from partnerface.driving.transfer import at_rest

    if args.output is None:
        raise InputError("say where the new view is written to: -o OUT.mp4, or OUT.png for a picture")
    suffix = args.output.suffix.lower()
    if suffix not in PICTURES + VIDEOS:
        raise InputError(f"{args.output} is no picture or video; allowed endings: {', '.join(PICTURES + VIDEOS)}")
    if args.parts and (suffix in VIDEOS or args.orbit is not None or args.edit is not None):
        raise InputError("--parts makes a picture of the head at rest; leave out --orbit and --edit, and name a .png")
    if args.orbit is not None and suffix in PICTURES:
        raise InputError(f"--orbit makes a video, and {args.output} is a picture; name an .mp4")
    if args.orbit is None and args.edit is None and suffix in VIDEOS:
        raise InputError("nothing would move; add --orbit DEG, --edit NAME=X, or name a .png")
    check_number("--orbit", args.orbit, 0, 180)
    check_number("--seconds", args.seconds, 0.1, 3600)
    check_number("--fps", args.fps, 1, 1000)
    check_number("--size", args.size, 16, 4096)
    check_number("--beyond", args.beyond, 0, 100)
    actor = Actor.read(find_avatar(args.subject, args.run), settings.step_mm)
    if args.parts:
        _show_parts(actor, args)
        return
    edit = within_reach(actor, edited(actor, args.edit), args.beyond) if args.edit else at_rest(actor.neutral, 1)
    frames = 1 if suffix in PICTURES else max(2, round(args.seconds * args.fps))
    if args.orbit is None:
        relative = edit if frames == 1 else come_and_go(edit, frames)
    else:
        held = {name: value.repeat(frames, 0) for name, value in edit.items()}
        relative = orbit(held, actor.neutral, args.orbit, *_middle(actor))
    _write(args.output.expanduser(), actor.pictures(relative, args.size), frames, args.fps)
    print(args.output)


def _show_parts(actor: Actor, args: argparse.Namespace) -> None:
    from partnerface.acting.parts import look_at_parts

    found = look_at_parts(actor, args.size or max(actor.facts["size"]))
    _write(args.output.expanduser(), iter([found.sheet]), 1, args.fps)
    print("\n".join([*found.lines(), str(args.output)]))


def edited(actor: Actor, text: str) -> "Arrays":
    """One frame's relative motion from `name=x,name=x`.

    Raises:
        InputError: malformed, or a name that its head does not know.
    """
    import numpy as np

    from partnerface.config.values import nearest
    from partnerface.driving.movements import find, played, vocabulary

    known, movements, values = vocabulary(actor.expression_names), [], []
    for part in filter(None, (item.strip() for item in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        movement = find(known, name)
        if movement is None:
            hint = nearest(name, known) or "; `partnerface drive --about AVATAR` lists what it has"
            raise InputError(f"--edit {name!r}: the head {actor.head} has no such movement{hint}")
        try:
            values.append(float(number))
        except ValueError:
            raise InputError(f"--edit {part!r}; allowed: name=number, as in smile=1") from None
        movements.append(movement)
    return played(movements, np.array([values]), len(actor.expression_names))


def _middle(actor: Actor) -> "tuple[np.ndarray, np.ndarray]":
    """What a camera that goes round looks at, the middle of the head at rest in camera axes, and the first joint."""
    import torch

    from partnerface.avatar.motion import Motion
    from partnerface.driving.transfer import at_rest, onto

    surface = actor.load().surface
    motion = Motion.from_arrays(onto(at_rest(actor.neutral, 1), actor.neutral))
    with torch.no_grad():
        vertices = motion.pose(surface.head, surface.shape).vertices[0]
    return vertices.mean(0).double().numpy(), surface.root.double().numpy()


def _write(output: Path, pictures: Iterator[Any], frames: int, fps: float) -> None:
    from partnerface.artefacts.files import atomic
    from partnerface.progress import track
    from partnerface.video.encode import encode

    with atomic(output) as temporary:
        if output.suffix.lower() in PICTURES:
            from PIL import Image

            Image.fromarray(next(pictures)).save(temporary)
        else:
            encode(temporary, track(pictures, "render", frames), fps)
