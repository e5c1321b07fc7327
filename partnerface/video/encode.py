"""Videos out."""

import contextlib
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import PartNerFaceError
from partnerface.video.program import ffmpeg_path


def on_clock(images: Iterable[np.ndarray], time_s: Sequence[float] | np.ndarray, fps: float) -> Iterator[np.ndarray]:
    """Images with time stamps as the frames of a constant rate, so that sound laid under them stays with them.

    Frame k shows, at time_s[0] + k / fps, the latest image whose time is not later than half a frame after that: an
    image is held over a gap, and left out where several fall into one frame.

    Args:
        images: one per time stamp.
        time_s: ascending, seconds.
        fps: frames per second.
    """
    shown: np.ndarray | None = None
    tick = 0
    for image, time in zip(images, time_s, strict=True):
        while shown is not None and time_s[0] + (tick + 0.5) / fps < time:
            yield shown
            tick += 1
        shown = image
    if shown is not None:
        yield shown


def encode(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: float,
    size: tuple[int, int] | None = None,
    audio: Path | None = None,
    audio_start: float = 0.0,
    crf: int = 18,
) -> int:
    """Write an H.264 video (yuv420p, BT.709, index in front) that every browser plays.

    Args:
        path: the file to write; its suffix chooses the container.
        frames: images (h, w, 3), uint8 or float in [0, 1], sRGB; taken one at a time. An odd edge is made even by
            repeating its last row or column.
        fps: frames per second.
        size: (width, height) of the frames; taken from the first one when None.
        audio: a file whose sound is put under the video, brought to its length; None for a silent video.
        audio_start: seconds into the sound at which the first frame is shown.
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
    sound, more = _sound(audio, audio_start)
    command = _command([picture, *sound], path, options | more)
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
        raise _failed(path, b" ".join(said))
    return count


def join(path: Path, pieces: Sequence[Path], audio: Path | None = None, audio_start: float = 0.0) -> None:
    """Put videos of `encode`, of one size and rate, one behind the other into one, and sound under it.

    Args:
        path: the file to write. pieces: in their order. audio, audio_start: see `encode`.

    Raises:
        PartNerFaceError: ffmpeg can't.
    """
    import ffmpeg

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        quoted = (str(piece.resolve()).replace("'", "'\\''") for piece in pieces)
        listed.write("".join(f"file '{name}'\n" for name in quoted))
        listed.flush()
        picture = ffmpeg.input(listed.name, format="concat", safe=0).video
        sound, more = _sound(audio, audio_start)
        command = _command([picture, *sound], path, {"vcodec": "copy", "movflags": "+faststart", **more})
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise _failed(path, done.stderr)


def _sound(audio: Path | None, start: float) -> tuple[list[Any], dict[str, Any]]:
    """The stream of a file's sound from a second on, and its options; with silence behind it, so that a shorter sound
    does not cut the picture."""
    import ffmpeg

    if audio is None:
        return [], {}
    seek = {"ss": f"{start:.6f}"} if start > 0 else {}
    return [ffmpeg.input(str(audio), **seek).audio.filter("apad")], {"acodec": "aac", "shortest": None}


def _command(streams: Sequence[Any], path: Path, options: dict[str, Any]) -> list[str]:
    import ffmpeg

    output = ffmpeg.output(*streams, str(path), **options).overwrite_output()
    return output.compile(cmd=[ffmpeg_path(), "-hide_banner", "-nostats", "-loglevel", "error"])


def _failed(path: Path, said: bytes) -> PartNerFaceError:
    path.unlink(missing_ok=True)
    reason = said.decode("utf-8", "replace").strip().splitlines()
    return PartNerFaceError(f"cannot write {path}: {reason[-1].strip() if reason else 'ffmpeg failed'}")


def _bytes(image: np.ndarray, width: int, height: int) -> bytes:
    if image.shape != (height, width, 3):
        raise ValueError(f"a frame has shape {image.shape}, expected {(height, width, 3)}")
    if image.dtype != np.uint8:
        image = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    if width % 2 or height % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(image).tobytes()
