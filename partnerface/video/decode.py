"""The frames of a video with their time stamps, upright, with square pixels, in sRGB.

Time stamps come from ffmpeg's `showinfo` filter, frame by frame.
"""

import contextlib
import queue
import re
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.video import hdr, pictures
from partnerface.video.probe import VideoInfo
from partnerface.video.program import ffmpeg_path, program

#: Since this version of ffmpeg the option that keeps every frame has another name.
_PASSTHROUGH_SINCE = (5, 1)
_EXACT = "accurate_rnd+full_chroma_int"


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its number in the file from 0, its time in seconds, (h, w, 3) uint8 sRGB."""

    number: int
    time_s: float
    image: np.ndarray


def decode(
    path: Path,
    info: VideoInfo,
    crop: tuple[int, int, int, int] | None = None,
    size: tuple[int, int] | None = None,
    tone_map: str = "mobius",
) -> Generator[Frame, None, None]:
    """Every frame of the file in order, streamed; frames are neither doubled nor dropped to even out the rate.

    A picture that changes its size on the way is fitted into the first one's, with black bars where its shape differs.

    Args:
        path: the video, or a folder of pictures.
        info: what `probe` said about it.
        crop: (x0, y0, x1, y1) in pixels of the upright picture; even numbers keep the chroma planes exact.
        size: (width, height) to shrink to, with an area filter, after the crop; None keeps the crop's size.
        tone_map: how high dynamic range becomes sRGB, a name of hdr.TONE_MAPS.

    Raises:
        InputError: the file ends before the length that it states, or no frame can be decoded.
    """
    if info.is_folder:
        yield from _pictures(Path(path), info, crop, size)
        return
    with tempfile.TemporaryDirectory(prefix="partnerface-") as scratch:
        command, width, height = _command(Path(path), info, crop, size, tone_map, Path(scratch))
        yield from _read(Path(path), info, command, width, height)


def _pictures(
    folder: Path, info: VideoInfo, crop: tuple[int, int, int, int] | None, size: tuple[int, int] | None
) -> Iterator[Frame]:
    import cv2

    for number, image in enumerate(pictures.images(folder, info.width, info.height)):
        if crop is not None:
            image = image[crop[1] : crop[3], crop[0] : crop[2]]
        if size is not None and size != (image.shape[1], image.shape[0]):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        yield Frame(number, number / info.fps, np.ascontiguousarray(image))


def _command(
    path: Path,
    info: VideoInfo,
    crop: tuple[int, int, int, int] | None,
    size: tuple[int, int] | None,
    tone_map: str,
    scratch: Path,
) -> tuple[list[str], int, int]:
    """ffmpeg's command line, and width and height of the frames that it gives."""
    import ffmpeg

    _, version = program()
    quiet = {"checksum": 0} if version >= (4, 4) else {}
    stream = ffmpeg.input(str(path)).video.filter("showinfo", **quiet)
    # The graph is built anew where the picture's size changes, so square pixels are asked of each size.
    square = {"w": "if(gt(sar,1),iw,max(1,round(iw*max(sar,0.01))))", "h": "if(gt(sar,1),max(1,round(ih/sar)),ih)"}
    stream = stream.filter("scale", **square, flags=f"area+{_EXACT}").filter("setsar", 1)
    fit = {"w": info.width, "h": info.height, "force_original_aspect_ratio": "decrease"}
    stream = stream.filter("scale", **fit, flags=f"area+{_EXACT}")
    stream = stream.filter("pad", info.width, info.height, "(ow-iw)/2", "(oh-ih)/2")
    width, height = info.width, info.height
    if crop is not None:
        width, height = crop[2] - crop[0], crop[3] - crop[1]
        stream = stream.filter("crop", width, height, crop[0], crop[1])
    if size is not None and size != (width, height):
        width, height = size
        stream = stream.filter("scale", width, height, flags=f"area+{_EXACT}")
    if info.transfer != "sdr":
        table = scratch / "to_srgb.cube"
        hdr.write_cube(table, info.transfer, tone_map, info.peak_nits)
        stream = stream.filter("scale", in_color_matrix="bt2020", out_range="full", flags=_EXACT)
        stream = stream.filter("format", "gbrp16le").filter("lut3d", file=str(table), interp="tetrahedral")
    elif info.matrix is not None:
        stream = stream.filter("scale", in_color_matrix=info.matrix, flags=_EXACT)
    stream = stream.filter("format", "rgb24")
    rate: dict[str, Any] = {"fps_mode": "passthrough"} if version >= _PASSTHROUGH_SINCE else {"vsync": 0}
    command = ffmpeg.output(stream, "pipe:", format="rawvideo", pix_fmt="rgb24", sws_flags=_EXACT, **rate).compile(
        cmd=[ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats"]
    )
    return command, width, height


def _read(path: Path, info: VideoInfo, command: list[str], width: int, height: int) -> Iterator[Frame]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    times: queue.Queue[float | None] = queue.Queue()
    complaints: list[str] = []
    listener = threading.Thread(target=_listen, args=(process.stderr, times, complaints), daemon=True)
    listener.start()
    count, last, bytes_per_frame = 0, -1.0, width * height * 3
    try:
        while len(data := process.stdout.read(bytes_per_frame)) == bytes_per_frame:
            stamp = times.get()
            time_s = count / info.fps if stamp is None else stamp
            yield Frame(count, time_s, np.frombuffer(data, np.uint8).reshape(height, width, 3))
            count, last = count + 1, time_s
        process.wait()
        listener.join()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        # At the interpreter's end daemon threads stand still, so an abandoned generator must not wait for one.
        listener.join(timeout=1)
    if count == 0:
        raise InputError(f"{path}: no frame of it can be decoded, so it is damaged or truncated; copy it again")
    # A sound track may be longer than the picture, so a short picture alone is no fault: ffmpeg must have complained.
    end, stated = last + 1 / info.fps, info.duration_s
    if stated is not None and end < stated - max(0.5, 0.05 * stated) and complaints:
        raise InputError(
            f"{path} is truncated: it states {stated:.1f} s but ends after {end:.1f} s; copy it again, "
            f"or set frames.end to {max(end - 0.1, 0.1):.1f} to use what is there"
        )


def _listen(pipe: Any, times: "queue.Queue[float | None]", complaints: list[str]) -> None:
    """Collect time stamps and complaints from what ffmpeg prints, until it ends."""
    base = 0.0
    with contextlib.suppress(ValueError):  # the pipe was closed while it was read
        for raw in pipe:
            line = raw.decode("utf-8", "replace")
            if "showinfo" in line:
                if config := re.search(r"config in time_base:\s*(\d+)/(\d+)", line):
                    base = int(config[1]) / int(config[2])
                elif stamp := re.search(r"\bn:\s*\d+ pts:\s*(\S+)", line):
                    times.put(int(stamp[1]) * base if base and stamp[1].lstrip("-").isdigit() else None)
            # Not instead of a time stamp: ffmpeg's threads may print a complaint in the middle of showinfo's line.
            if re.search(r"partial file|prematurely|truncat|[Ii]nvalid data|Error|corrupt", line):
                complaints.append(line.strip())
    times.put(None)
