"""Which ffmpeg is used: imageio-ffmpeg's or the system's, whichever is newer."""

import contextlib
import functools
import re
import subprocess

from partnerface.errors import PartNerFaceError


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
def program() -> tuple[str, tuple[int, ...]]:
    """The newest usable ffmpeg and its version; raises PartNerFaceError when there is none."""
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
    return program()[0]
