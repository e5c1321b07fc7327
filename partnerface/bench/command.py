"""The command `partnerface bench`."""

import argparse
import dataclasses
import importlib.util
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from partnerface.bench import rows
from partnerface.bench.apart import apart
from partnerface.bench.machine import machine
from partnerface.bench.result import Result, table, write_json, write_markdown
from partnerface.errors import InputError
from partnerface.failures import existing_parent

DESCRIPTION = """\
Measure how fast this machine is: the stages before training on a clip of 512 x 512 px, beside MediaPipe's bare models
on the same pictures; the model's operations, forward and backward; a training step; and a picture of the avatar.
Everything is warm before the clock runs: neither Python's start nor the loading of packages counts. A table goes to
standard output, progress to standard error. All rows together take some minutes.
"""
EPILOG = """\
examples:
  partnerface bench                                     everything, on the demo clip
  partnerface bench --json bench.json                   the same, and the figures as JSON
  partnerface bench --markdown bench.md --compile       the table to keep, torch.compile beside the kernels
  partnerface bench field_mlp hash_grid                 these two alone; no clip is made
  partnerface bench landmarks parsing --video me.mp4    two stages on your own clip
  partnerface bench --tiny                              does every row run? (the figures mean nothing)

columns: `median` is the time of one frame, step or picture, or of an operation's forward and backward; `of reference`
is the rate over that of plain torch, or of the bare model for a stage; `of peak` and `of copy` are the shares of this
machine's multiply-adds and copies. docs/bench.md says how each figure comes about.
"""
#: What the rows on a clip need beside torch: modules, and where from.
FRONT_MODULES = ("cv2", "ffmpeg", "imageio_ffmpeg", "mediapipe", "scipy", "skimage")


def parser() -> argparse.ArgumentParser:
    """The command line of `partnerface bench`."""
    width = max(map(len, rows.ROWS))
    listed = "\n".join(f"  {name:{width}}  {line}" for name, line in rows.ROWS.items())
    made = argparse.ArgumentParser(
        prog="partnerface bench",
        description=DESCRIPTION,
        epilog=f"rows:\n{listed}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="rows to measure, those below [default: all]")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    made.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table to this file")
    made.add_argument("--compile", action="store_true", help="also measure operations after torch.compile; minutes")
    made.add_argument("--video", type=Path, metavar="FILE", help="a clip of yours in place of the demo clip")
    made.add_argument(
        "--repeats", type=int, metavar="N", help="measurements per row [default: 3 of a stage, 15 of an operation]"
    )
    made.add_argument(
        "--frames", type=int, metavar="N", help=f"frames of the clip to use [default: {rows.Sizes.frames}]"
    )
    made.add_argument("--tiny", action="store_true", help="so small that it says only whether every row runs")
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; see `partnerface.cli.main` for what it returns and how errors are told."""
    args = parser().parse_args(argv)
    names = rows.chosen(args.names)
    sizes = rows.TINY if args.tiny else rows.Sizes()
    if args.frames is not None:
        sizes = dataclasses.replace(sizes, frames=args.frames)
    check(args, names)
    lines, results = measure(names, sizes, args.repeats, args.video, args.compile)
    if args.json is not None:
        write_json(args.json, results)
    if args.markdown is not None:
        write_markdown(args.markdown, lines, results)
    print("\n".join([*lines, "", *table(results)]))
    return 0


def check(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Say what can't be before any work.

    Raises:
        InputError: a number is impossible, the video can't be read or is not looked at, packages are missing, or the
            JSON can't be written.
    """
    from_clip = [name for name in names if name in rows.ON_A_CLIP]
    if args.repeats is not None and args.repeats < 1:
        raise InputError(f"--repeats is {args.repeats}; allowed: 1 or more")
    if args.frames is not None and args.frames < rows.TINY.frames:
        raise InputError(f"--frames is {args.frames}; allowed: {rows.TINY.frames} or more")
    for flag, path in (("--json", args.json), ("--markdown", args.markdown)):
        if path is not None:
            parent = existing_parent(path.absolute().parent)
            if path.is_dir() or not parent.is_dir() or not os.access(parent, os.W_OK):
                raise InputError(f"cannot write {flag} {path}; name a file in a folder that you may write to")
    if args.video is not None and not from_clip and not set(names) & set(rows.TRAINING):
        raise InputError(f"--video {args.video} is not looked at by {', '.join(names)}; leave it out or add `frames`")
    if from_clip or args.video is not None:
        absent = [name for name in FRONT_MODULES if importlib.util.find_spec(name) is None]
        if absent:
            able = " ".join({**rows.OPS, **rows.TRAINING})
            raise InputError(f"rows on a clip need {', '.join(absent)}; `make env`, or run `partnerface bench {able}`")
    if args.video is not None:
        from partnerface.video.probe import probe

        probe(args.video)


def measure(
    names: Sequence[str], sizes: rows.Sizes, repeats: int | None, video: Path | None, compiled: bool
) -> tuple[list[str], list[Result]]:
    """What was measured on what, in words, and the rows in the table's order."""
    lines, results, wanted = machine(), [], set(names)
    trained = bool(wanted & set(rows.TRAINING))
    with tempfile.TemporaryDirectory(prefix="partnerface-bench-") as folder:
        root, subject = Path(folder), None
        if video is not None or wanted & rows.ON_A_CLIP:
            told, found, subject = apart("front", wanted, sizes, repeats or 3, root, video, trained)
            lines += told
            results += found
            for name in (name for name in rows.FITS if name in wanted):
                told, found = apart("fits", name, sizes, repeats or 1, subject)
                lines += told
                results += found
            subject = subject if trained else None
        if wanted & set(rows.OPS):
            told, found = apart("ops", wanted, sizes, repeats or 15, compiled)
            lines += told
            results += found
        if trained:
            told, found = apart("training", wanted, sizes, repeats or 5, root, subject)
            lines += told
            results += found
    by_name = {one.name: one for one in results}
    return lines, [by_name[name] for name in names]
