"""What a video file holds.

There is no ffprobe beside imageio-ffmpeg's binary, so `probe` decodes one frame and reads what ffmpeg prints about it;
that also proves that the file can be decoded.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from partnerface.errors import InputError
from partnerface.video import pictures
from partnerface.video.program import ffmpeg_path

#: ffmpeg's names of the transfer functions of high dynamic range.
HDR_TRANSFERS = {"arib-std-b67": "hlg", "smpte2084": "pq"}
#: A picture whose file does not say how its colours are coded: from this height on it is BT.709, as players assume.
HD_HEIGHT = 720


@dataclass(frozen=True)
class VideoInfo:
    """What a video holds, as it is shown: upright, with square pixels.

    Attributes:
        width, height: pixels of the upright picture with square pixels; a picture of non-square pixels is shrunk
            along its longer pixels' other axis, so nothing is enlarged.
        coded_width, coded_height: pixels of the upright picture as it is stored.
        fps: frames per second as the container states them.
        duration_s: length that the container states; None when it states none.
        rotation: degrees of the display matrix, counter-clockwise.
        has_audio: whether there is a sound track.
        transfer: "sdr", or "hlg" or "pq" for high dynamic range.
        matrix: how colours are coded where the file does not say, "bt601" or "bt709"; None where it does.
        peak_nits: brightest light of the content as the file states it; None when it states none.
        is_folder: it is a folder of pictures rather than a file.
    """

    width: int
    height: int
    coded_width: int
    coded_height: int
    fps: float
    duration_s: float | None
    rotation: float
    has_audio: bool
    transfer: str = "sdr"
    matrix: str | None = None
    peak_nits: float | None = None
    is_folder: bool = False


def probe(path: Path) -> VideoInfo:
    """What the video holds, from decoding its first frame.

    Args:
        path: a file, or a folder of pictures.

    Raises:
        InputError: there is no such file, or it is not a video that ffmpeg can decode.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path of the video")
    if path.is_dir():
        width, height, count = pictures.look(path)
        return VideoInfo(width, height, width, height, pictures.FPS, count / pictures.FPS, 0.0, False, is_folder=True)
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or download it again")
    import ffmpeg

    command = (ffmpeg.input(str(path)).video.filter("showinfo").output("pipe:", format="null", vframes=1)).compile(
        cmd=[ffmpeg_path(), "-hide_banner", "-nostdin"]
    )
    result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    return _parse(path, result.stderr.decode("utf-8", "replace"))


def _parse(path: Path, printed: str) -> VideoInfo:
    header = printed.split("Stream mapping:")[0].split("Output #0")[0]
    streams = re.findall(r"Stream #0:\d+.*", header)
    films = [line for line in streams if "Video:" in line and "(attached pic)" not in line]
    if not streams and _begins_like_mp4(path):
        raise InputError(f"{path} is truncated (its index, the moov atom, is missing); copy or record it again")
    if not streams:
        raise InputError(f"{path} is not a video (ffmpeg can't read it); give an .mp4, .mov, .mkv or .webm file")
    if not films:
        raise InputError(f"{path} has no picture, only {_kinds(streams)}; give a video of the face")
    if re.search(r"Input #0, (image2|\w+_pipe|ico)\b", header):
        raise InputError(f"{path} is one picture, not a video; give a video, or a folder of its frames")
    shown = re.search(r"\bn:\s*0 .*?\bfmt:(\S+) .*?\bsar:(\d+)/(\d+) s:(\d+)x(\d+)", printed)
    if shown is None:
        raise InputError(f"{path}: no frame of it can be decoded, so it is damaged or truncated; copy it again")
    sar_x, sar_y, width, height = (int(text) for text in shown.groups()[1:])
    sar = sar_x / sar_y if sar_x and sar_y else 1.0
    rate = re.search(r"([\d.]+)(k?) fps", films[0]) or re.search(r"([\d.]+)(k?) tbr", films[0])
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
        transfer=HDR_TRANSFERS.get(_word(printed, "color_trc"), "sdr"),
        matrix=_unsaid_matrix(printed, shown[1], height),
        peak_nits=_peak(printed),
    )


def _word(printed: str, key: str) -> str:
    match = re.search(rf"\b{key}:([\w-]+)", printed)
    return match[1] if match else "unknown"


def _unsaid_matrix(printed: str, pixel_format: str, height: int) -> str | None:
    if not pixel_format.startswith(("yuv", "nv", "p0", "uyvy", "yuyv")) or _word(printed, "color_space") != "unknown":
        return None
    return "bt709" if height >= HD_HEIGHT else "bt601"


def _peak(printed: str) -> float | None:
    """Brightest light in nits that the stream's metadata state."""
    said = re.search(r"MaxCLL=(\d+)", printed) or re.search(r"max_luminance=([\d.]+)", printed)
    return float(said[1]) if said and float(said[1]) > 0 else None


def _begins_like_mp4(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(8)[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def _kinds(streams: list[str]) -> str:
    kinds = {"Audio:": "sound", "Subtitle:": "subtitles", "Video:": "a cover image", "Data:": "data"}
    found = [name for word, name in kinds.items() if any(word in line for line in streams)]
    return " and ".join(found) or "other data"
