"""The one place that calls ffmpeg: what a file holds, its frames with their time stamps, and videos out.

There is no ffprobe beside imageio-ffmpeg's binary, so `probe` decodes one frame and reads what ffmpeg prints about it;
that also proves that the file can be decoded. Time stamps come from the `showinfo` filter, frame by frame.
"""

import contextlib
import functools
import queue
import re
import subprocess
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError, PartNerFaceError

#: Options that decode a frame per source frame, under their names before and since ffmpeg 5.1.
_PASSTHROUGH_SINCE = (5, 1)


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds, as it is shown: upright, with square pixels.

    Attributes:
        width, height: pixels of the upright picture with square pixels; a picture of non-square pixels is shrunk
            along its longer pixels' other axis, so nothing is enlarged.
        coded_width, coded_height: pixels of the upright picture as it is stored.
        fps: frames per second as the container states them.
        duration_s: length that the container states; None when it states none.
        rotation: degrees of the display matrix, counter-clockwise.
        has_audio: whether there is a sound track.
    """

    width: int
    height: int
    coded_width: int
    coded_height: int
    fps: float
    duration_s: float | None
    rotation: float
    has_audio: bool


def _version(program: str) -> tuple[int, ...] | None:
    """Version of an ffmpeg that can write H.264; None when it can't run or can't write it."""
    try:
        out = subprocess.run([program, "-version"], capture_output=True, text=True, errors="replace", timeout=30).stdout
        encoders = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"ffmpeg version n?(\d+(?:\.\d+)*)", out)
    if match is None or "libx264" not in encoders.stdout:
        return None
    return tuple(int(part) for part in match.group(1).split("."))


@functools.lru_cache(maxsize=1)
def _program() -> tuple[str, tuple[int, ...]]:
    """The newest usable ffmpeg: imageio-ffmpeg's or the system's."""
    names = ["ffmpeg"]
    with contextlib.suppress(ImportError, RuntimeError):
        import imageio_ffmpeg

        names.insert(0, imageio_ffmpeg.get_ffmpeg_exe())
    found = [(version, name) for name in names if (version := _version(name)) is not None]
    if not found:
        raise PartNerFaceError(
            "no ffmpeg with libx264 found; `pip install imageio-ffmpeg` brings one, or install your system's ffmpeg"
        )
    # max keeps the first of equals, so imageio-ffmpeg's wins unless the system's is newer.
    version, name = max(found, key=lambda item: item[0])
    return name, version


def ffmpeg_path() -> str:
    """The ffmpeg that is used; raises PartNerFaceError when there is none."""
    return _program()[0]


def probe(path: Path) -> VideoInfo:
    """What the video holds, from decoding its first frame.

    Raises:
        InputError: there is no such file, or it is not a video that ffmpeg can decode.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path of the video")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a video file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or download it again")
    import ffmpeg

    command = (ffmpeg.input(str(path)).video.filter("showinfo").output("pipe:", format="null", vframes=1)).compile(
        cmd=[ffmpeg_path(), "-hide_banner", "-nostdin"]
    )
    result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    printed = result.stderr.decode("utf-8", "replace")
    return _parse(path, printed)


def _parse(path: Path, printed: str) -> VideoInfo:
    header = printed.split("Stream mapping:")[0].split("Output #0")[0]
    streams = re.findall(r"Stream #0:\d+.*", header)
    pictures = [line for line in streams if "Video:" in line and "(attached pic)" not in line]
    if not streams and _begins_like_mp4(path):
        raise InputError(f"{path} is truncated (its index, the moov atom, is missing); copy or record it again")
    if not streams:
        raise InputError(f"{path} is not a video (ffmpeg can't read it); give an .mp4, .mov, .mkv or .webm file")
    if not pictures:
        raise InputError(f"{path} has no picture, only {_kinds(streams)}; give a video of the face")
    shown = re.search(r"\bn:\s*0 .*?\bsar:(\d+)/(\d+) s:(\d+)x(\d+)", printed)
    if shown is None:
        raise InputError(f"{path}: no frame of it can be decoded, so it is damaged or truncated; copy it again")
    sar_x, sar_y, width, height = (int(text) for text in shown.groups())
    sar = sar_x / sar_y if sar_x and sar_y else 1.0
    rate = re.search(r"([\d.]+)(k?) fps", pictures[0]) or re.search(r"([\d.]+)(k?) tbr", pictures[0])
    fps = float(rate.group(1)) * (1000 if rate.group(2) else 1) if rate else 25.0
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", header)
    turn = re.search(r"display ?matrix: rotation of (-?[\d.]+)", header, re.IGNORECASE)
    return VideoInfo(
        width=max(1, round(width * sar)) if sar < 1 else width,
        height=max(1, round(height / sar)) if sar > 1 else height,
        coded_width=width,
        coded_height=height,
        fps=fps or 25.0,
        duration_s=int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]) if length else None,
        rotation=float(turn[1]) if turn else 0.0,
        has_audio=any("Audio:" in line for line in streams),
    )


def _begins_like_mp4(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(8)[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def _kinds(streams: list[str]) -> str:
    kinds = {"Audio:": "sound", "Subtitle:": "subtitles", "Video:": "a cover image", "Data:": "data"}
    found = [name for word, name in kinds.items() if any(word in line for line in streams)]
    return " and ".join(found) or "other data"


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
) -> Generator[Frame, None, None]:
    """Every frame of the file in order, streamed; frames are neither doubled nor dropped to even out the rate.

    Args:
        path: the video.
        info: what `probe` said about it.
        crop: (x0, y0, x1, y1) in pixels of the upright picture; even numbers keep the chroma planes exact.
        size: (width, height) to shrink to, with an area filter, after the crop; None keeps the crop's size.

    Raises:
        InputError: the file ends before the length that it states, or no frame can be decoded.
    """
    import ffmpeg

    _, version = _program()
    stream = ffmpeg.input(str(path)).video
    quiet = {"checksum": 0} if version >= (4, 4) else {}
    stream = stream.filter("showinfo", **quiet)
    if (info.width, info.height) != (info.coded_width, info.coded_height):
        stream = stream.filter("scale", info.width, info.height, flags="area+accurate_rnd").filter("setsar", 1)
    width, height = info.width, info.height
    if crop is not None:
        x0, y0, x1, y1 = crop
        width, height = x1 - x0, y1 - y0
        stream = stream.filter("crop", width, height, x0, y0)
    if size is not None and size != (width, height):
        width, height = size
        stream = stream.filter("scale", width, height, flags="area+accurate_rnd")
    rate: dict[str, Any] = {"fps_mode": "passthrough"} if version >= _PASSTHROUGH_SINCE else {"vsync": 0}
    command = ffmpeg.output(
        stream, "pipe:", format="rawvideo", pix_fmt="rgb24", sws_flags="accurate_rnd+full_chroma_int", **rate
    ).compile(cmd=[ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats"])
    yield from _read(Path(path), info, command, width, height)


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
    for raw in pipe:
        line = raw.decode("utf-8", "replace")
        if "showinfo" in line:
            if config := re.search(r"config in time_base:\s*(\d+)/(\d+)", line):
                base = int(config[1]) / int(config[2])
            elif stamp := re.search(r"\bn:\s*\d+ pts:\s*(\S+)", line):
                times.put(int(stamp[1]) * base if base and stamp[1].lstrip("-").isdigit() else None)
        elif re.search(r"partial file|prematurely|truncat|[Ii]nvalid data|Error|corrupt", line):
            complaints.append(line.strip())
    times.put(None)


def encode(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: float,
    size: tuple[int, int] | None = None,
    audio: Path | None = None,
    crf: int = 18,
) -> int:
    """Write an H.264 video (yuv420p, BT.709, index in front) that every browser plays.

    Args:
        path: the file to write; its suffix chooses the container.
        frames: images (h, w, 3), uint8 or float in [0, 1], sRGB; taken one at a time. An odd edge is made even by
            repeating its last row or column.
        fps: frames per second.
        size: (width, height) of the frames; taken from the first one when None.
        audio: a file whose sound is put under the video, cut to its length; None for a silent video.
        crf: x264's quality, lower is better.

    Returns:
        How many frames were written.

    Raises:
        PartNerFaceError: there are no frames, or ffmpeg can't write the file.
        ValueError: a frame has another size than the first.
    """
    import ffmpeg

    path = Path(path)
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise PartNerFaceError(f"cannot write {path.name}: there are no frames for it")
    width, height = size or (first.shape[1], first.shape[0])
    even = (width + width % 2, height + height % 2)
    picture = ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{even[0]}x{even[1]}", framerate=repr(float(fps))
    ).filter("scale", out_color_matrix="bt709", out_range="tv", flags="accurate_rnd+full_chroma_int")
    options: dict[str, Any] = {
        "vcodec": "libx264", "pix_fmt": "yuv420p", "crf": crf, "preset": "veryfast", "movflags": "+faststart",
        "colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv",
    }  # fmt: skip
    streams = [picture]
    if audio is not None:
        streams.append(ffmpeg.input(str(audio)).audio)
        options |= {"acodec": "aac", "shortest": None}
    command = (
        ffmpeg.output(*streams, str(path), **options)
        .overwrite_output()
        .compile(cmd=[ffmpeg_path(), "-hide_banner", "-nostats", "-loglevel", "error"])
    )
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    said: list[bytes] = []
    listener = threading.Thread(target=lambda pipe: said.extend(pipe), args=(process.stderr,), daemon=True)
    listener.start()
    count = 0
    try:
        image: np.ndarray | None = first
        while image is not None:
            process.stdin.write(_bytes(image, width, height))
            count += 1
            image = next(iterator, None)
    except BrokenPipeError:
        pass
    except BaseException:
        process.kill()
        raise
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        listener.join(timeout=1)
    if process.returncode != 0:
        path.unlink(missing_ok=True)
        reason = b" ".join(said).decode("utf-8", "replace").strip().splitlines()
        raise PartNerFaceError(f"cannot write {path}: {reason[-1].strip() if reason else 'ffmpeg failed'}")
    return count


def _bytes(image: np.ndarray, width: int, height: int) -> bytes:
    if image.shape != (height, width, 3):
        raise ValueError(f"a frame has shape {image.shape}, expected {(height, width, 3)}")
    if image.dtype != np.uint8:
        image = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    if width % 2 or height % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(image).tobytes()
