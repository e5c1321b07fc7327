"""The command `partnerface view`."""

import argparse
import contextlib
import errno
import importlib.util
import os
import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partnerface.errors import InputError

if TYPE_CHECKING:
    from partnerface.viewing.scene import Scene
    from partnerface.viewing.server import Answer, ViewServer
    from partnerface.viewing.wish import Wish

DESCRIPTION = """\
Look at an avatar in the browser: drag to go round the head, move its expression, jaw, gaze and lids with sliders, play
it by a tracked clip, see which part of the deformation moves what, and switch parts off. A coarse picture comes at
once, finer ones when nothing moves. The page is served by this command until Ctrl-C, to this machine alone.
"""
EPILOG = """\
examples:
  partnerface view results/me/partnerface/avatar.safetensors
  partnerface view results/me/partnerface                        the same
  partnerface view results/me/partnerface --motion results/you   played by another clip, tracked with the same head
  partnerface view AVATAR --port 9000 --no-browser               print the address and open nothing

On another machine, keep the default and tunnel: ssh -L 8060:127.0.0.1:8060 MACHINE. docs/view.md has a picture.
"""
HOST, PORT = "127.0.0.1", 8060


def parser() -> argparse.ArgumentParser:
    """The command line of `partnerface view`."""
    made = argparse.ArgumentParser(
        prog="partnerface view",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("avatar", type=Path, metavar="AVATAR", help="avatar.safetensors, or the folder of its run")
    made.add_argument(
        "--motion",
        type=Path,
        metavar="PATH",
        help="a tracked clip to play it by: tracking.npz, or the folder of a subject or of a dataset [the training "
        "frames]",
    )
    made.add_argument("--port", type=int, default=PORT, metavar="N", help=f"0 takes any that is free [{PORT}]")
    made.add_argument(
        "--host", default=HOST, metavar="ADDRESS", help=f"0.0.0.0 lets everybody in the network in [{HOST}]"
    )
    made.add_argument("--no-browser", action="store_true", help="open no browser")
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; see `partnerface.cli.main` for what it returns and how errors are told."""
    args = parser().parse_args(argv)
    if not 0 <= args.port <= 65535:
        raise InputError(f"--port is {args.port}; allowed: 0 to 65535")
    if importlib.util.find_spec("PIL") is None:
        raise InputError("pictures need the package pillow; `pip install 'partnerface[view]'`")
    from partnerface.kernels import prepare
    from partnerface.kernels.backend import on_compute_device
    from partnerface.viewing.scene import Scene
    from partnerface.viewing.subject import load_clip, load_subject

    prepare()
    with on_compute_device():
        subject = load_subject(args.avatar)
        scene = Scene(subject, load_clip(args.motion, subject) if args.motion else subject.own)
    serve(scene, args.host, args.port, not args.no_browser)
    return 0


@contextlib.contextmanager
def serving(scene: "Scene", host: str, port: int) -> "Iterator[ViewServer]":
    """A server that listens with its renderer; `serve_forever` is the caller's.

    Raises:
        InputError: it can't listen there.
    """
    from partnerface.kernels.backend import on_compute_device
    from partnerface.viewing.desk import Desk
    from partnerface.viewing.scene import jpeg
    from partnerface.viewing.server import ViewServer
    from partnerface.viewing.wish import LEVELS, read_wish

    def paint(wish: "Wish", goes_on: Callable[[], bool]) -> "Answer | None":
        picture = scene.paint(wish, goes_on)
        return None if picture is None else (jpeg(picture), scene.stands(wish))

    def answer(message: bytes) -> "Answer | None":
        return desk.ask(read_wish(message, scene.controls, frames, scene.parts))

    frames = 0 if scene.clip is None else len(scene.clip.motion)
    try:
        server = ViewServer(host, port, description(scene), answer)
    except OSError as error:
        raise InputError(_no_address(error, host, port)) from None
    desk = Desk(paint, LEVELS[1], on_compute_device)
    try:
        yield server
    finally:
        desk.close()
        server.server_close()


def serve(scene: "Scene", host: str, port: int, browser: bool) -> None:
    """Serve a scene until Ctrl-C."""
    with serving(scene, host, port) as server:
        print(f"view: {scene.subject.name} at {server.url} (Ctrl-C ends)", flush=True)
        if browser and (sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(server.url)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print("\nview: closed", flush=True)


def description(scene: "Scene") -> dict[str, Any]:
    """What a page is told at first; JSON types."""
    from partnerface.viewing.wish import BACKGROUNDS, LEVELS, VIEW_REACH

    shown = ("key", "label", "group", "hint", "low", "high", "step", "unit", "neutral", "seen", "side", "stem")
    height, width = scene.subject.size
    clip = scene.clip
    return {
        "name": scene.subject.name,
        "head": str(scene.subject.facts.get("head", "")),
        "aspect": width / height,
        "levels": list(LEVELS),
        "backgrounds": list(BACKGROUNDS),
        "reach": VIEW_REACH,
        "controls": [{name: getattr(one, name) for name in shown} for one in scene.controls],
        "parts": [
            {"colour": [round(255 * level) for level in colour], "share": share}
            for colour, share in zip(scene.colours.tolist(), scene.shares, strict=True)
        ],
        "clip": None if clip is None else {"name": clip.name, "time_s": [round(t, 4) for t in clip.time_s.tolist()]},
    }


def _no_address(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken; give another with --port, or --port 0 for any that is free"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} is reserved for the system; give one from 1024 on with --port"
    return f"cannot listen at --host {host}, port {port} ({error.strerror}); leave --host out to serve this machine"
