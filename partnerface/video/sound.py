"""The sound of a subject's clips, kept beside the frames for the videos that are made of them."""

import subprocess
from pathlib import Path
from typing import Any

from partnerface.errors import PartNerFaceError
from partnerface.video.extract import Clip
from partnerface.video.program import ffmpeg_path


def keep_sound(path: Path, clips: list[Clip]) -> None:
    """Write the sound on the time axis of the kept frames: it begins with the first kept frame.

    Clips follow one another as their frames do, with silence between; a clip without sound is silent.

    Args:
        path: the file to write, .m4a.
        clips: at least one of them has kept frames.

    Raises:
        PartNerFaceError: ffmpeg can't write the file.
    """
    import ffmpeg

    used = [clip for clip in clips if len(clip.kept)]
    spans = [(clip, float(clip.seen.time_s[clip.kept[0]]), float(clip.seen.time_s[-1])) for clip in used]
    first = min(clip.delay + begin for clip, begin, _ in spans)
    end = max(clip.delay + last + 1 / clip.seen.info.fps for clip, _, last in spans) - first
    tracks = [_nothing(end)]  # of the whole length: what nothing else sounds over
    for clip, begin, last in spans:
        if not clip.seen.info.has_audio:
            continue
        length = last + 1 / clip.seen.info.fps - begin
        sound = ffmpeg.input(str(clip.seen.path), ss=f"{begin:.6f}", t=f"{length:.6f}").audio
        sound = sound.filter("aresample", 48000).filter("aformat", channel_layouts="stereo")
        tracks.append(sound.filter("adelay", delays=round(1000 * (clip.delay + begin - first)), all=1))
    _write(path, ffmpeg.filter(tracks, "amix", inputs=len(tracks), duration="first", normalize=0))


def silence(path: Path, seconds: float) -> None:
    """Write a silent .m4a, for frames that come without sound; raises PartNerFaceError when ffmpeg can't."""
    _write(path, _nothing(seconds))


def _nothing(seconds: float) -> Any:
    import ffmpeg

    return ffmpeg.input("anullsrc=r=48000:cl=stereo", format="lavfi", t=f"{seconds:.6f}").audio


def _write(path: Path, sound: Any) -> None:
    import ffmpeg

    command = (
        ffmpeg.output(sound, str(path), acodec="aac", audio_bitrate="128k", movflags="+faststart")
        .overwrite_output()
        .compile(cmd=[ffmpeg_path(), "-hide_banner", "-nostdin", "-loglevel", "error"])
    )
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise PartNerFaceError(f"cannot write the sound to {path}: {lines[-1].strip() if lines else 'ffmpeg failed'}")
