"""Long videos out, piece by piece: a killed writer goes on with the piece that it was in."""

import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from partnerface.artefacts.files import atomic
from partnerface.errors import PartNerFaceError
from partnerface.progress import Progress
from partnerface.video.encode import encode, join

#: Frames of a piece: seconds of work, and enough that the joints cost nothing.
PIECE = 240
MARK = "mark"


def encode_in_pieces(
    path: Path,
    frames: Callable[[int], Iterator[np.ndarray]],
    count: int,
    fps: float,
    mark: str,
    name: str,
    audio: Path | None = None,
    audio_start: float = 0.0,
) -> None:
    """Write a video, whole or not at all, as `encode` does; what a killed call had made is used again.

    Pieces lie in `<path>.pieces/` until the video is whole.

    Args:
        path: the video.
        frames: gives the frames from a number on, each (h, w, 3) uint8, up to the last.
        count: how many there are.
        fps: frames per second.
        mark: tells by what the frames are made; pieces of another mark are thrown away.
        name: of the work, for the progress line.
        audio, audio_start: see `encode`.

    Raises:
        PartNerFaceError: as `encode`.
    """
    folder = path.with_name(f"{path.name}.pieces")
    _take_over(folder, mark)
    pieces = [folder / f"{first:08d}.mp4" for first in range(0, count, PIECE)]
    there = next((k for k, piece in enumerate(pieces) if not piece.exists()), len(pieces))
    bar = Progress(name, count, done=there * PIECE)
    try:
        if there < len(pieces):
            left = frames(there * PIECE)
            for k, piece in enumerate(pieces[there:], there):
                with atomic(piece) as temporary:
                    encode(temporary, _counted(islice(left, min(PIECE, count - k * PIECE)), bar), fps)
        with atomic(path) as temporary:
            join(temporary, pieces, audio, audio_start)
    except BaseException:
        if not any(piece.exists() for piece in pieces):
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def _take_over(folder: Path, mark: str) -> None:
    """Make the folder, or keep what is of this mark in it."""
    note = folder / MARK
    if folder.exists() and not note.exists() and any(folder.iterdir()):
        raise PartNerFaceError(f"{folder} is in the way and not ours; move it, or name another output")
    if note.exists() and note.read_text() != mark:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(mark)


def _counted(frames: Iterator[np.ndarray], bar: Progress) -> Iterator[np.ndarray]:
    for frame in frames:
        yield frame
        bar.step()
