"""Picture and sound stay together: flashes and beeps of a clip meet again in a video that is made of its frames."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder
from partnerface.video.decode import decode
from partnerface.video.encode import encode, on_clock
from partnerface.video.probe import probe
from partnerface.video.program import ffmpeg_path
from tests.faces import portrait
from tests.video.forms import see

pytest.importorskip("mediapipe")
RATE = 16000
#: Seconds at which the picture flashes and a beep of as long sounds.
EVENTS, LENGTH = (0.4, 1.6, 2.8, 4.4, 5.2), 0.12


def flashing(time_s: float) -> np.ndarray:
    """The portrait, with a white bar below while it beeps."""
    image = portrait(256).copy()
    image[236:] = 255 if any(start - 2e-3 <= time_s < start + LENGTH - 2e-3 for start in EVENTS) else 0
    return image


def lookup(times: list[tuple[int, float]]) -> str:
    """ffmpeg's expression for the time of frame N; halved again and again, since it allows for little depth."""
    if len(times) == 1:
        return f"{times[0][1]:.4f}"
    half = len(times) // 2
    return f"if(lt(N,{times[half][0]}),{lookup(times[:half])},{lookup(times[half:])})"


def clip(folder: Path, time_s: np.ndarray, name: str = "clip") -> Path:
    """A clip whose frames are shown at these times, from 0 to 6 s."""
    raw, path = folder / f"{name}.raw", folder / f"{name}.mkv"
    raw.write_bytes(np.stack([flashing(time) for time in time_s]).tobytes())
    seconds = np.arange(6 * RATE) / RATE
    loud = np.any([(seconds >= start) & (seconds < start + LENGTH) for start in EVENTS], axis=0)
    sound = (loud * np.sin(2 * np.pi * 1000 * seconds) * 20000).astype("<i2")
    (folder / "pcm").write_bytes(sound.tobytes())
    stamps = folder / "stamps"
    stamps.write_text(f"setpts='({lookup(list(enumerate(time_s)))})/TB'")
    pictures, tone = "-f rawvideo -pix_fmt rgb24 -s 256x256 -framerate 1000 -i", f"-f s16le -ar {RATE} -ac 1 -i"
    form = "-fps_mode passthrough -c:v libx264 -crf 12 -preset veryfast -pix_fmt yuv420p -c:a pcm_s16le"
    command = [ffmpeg_path(), "-y", "-loglevel", "error", *pictures.split(), str(raw), *tone.split()]
    command += [str(folder / "pcm"), "-/filter:v", str(stamps), *form.split(), str(path)]
    subprocess.run(command, check=True)
    return path


def beeps(path: Path) -> np.ndarray:
    """When beeps begin, s."""
    command = [ffmpeg_path(), "-loglevel", "error", "-i", str(path), *f"-f s16le -ac 1 -ar {RATE} -".split()]
    data = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2").astype(float)
    window = RATE // 200
    loud = np.sqrt(np.convolve(data**2, np.ones(window) / window, mode="same")) > 3000
    return np.flatnonzero(np.diff(loud.astype(int)) == 1) / RATE


def flashes(path: Path) -> np.ndarray:
    """When flashes begin, s."""
    seen = [(frame.time_s, frame.image[-6:].mean() > 128) for frame in decode(path, probe(path))]
    return np.array([time for (time, on), (_, before) in zip(seen[1:], seen, strict=False) if on and not before])


STEADY = np.arange(150) / 25
RNG = np.random.default_rng(0)
UNEVEN = np.sort(np.concatenate([[0.0], RNG.choice(np.arange(1, 300), 150, replace=False) / 50]))
KINDS = {
    "constant rate": (STEADY, {}),
    "29.97": (np.arange(180) * 1001 / 30000, {}),
    "variable rate": (UNEVEN, {}),
    "a long pause": (np.concatenate([STEADY[:45], STEADY[60:]]), {}),
    "trimmed": (STEADY, {"start": 1.0, "end": 5.5}),
    "a lower rate": (STEADY, {"rate": 12.0}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_picture_and_sound_stay_within_a_frame(kind: str, tmp_path: Path) -> None:
    time_s, settings = KINDS[kind]
    folder = tmp_path / "subject"
    seen = see(folder, clip(tmp_path, time_s), min_sharpness=0.0, size=96, **settings)
    subject = SubjectFolder(folder)
    camera = json.loads(subject.camera.read_text())
    # What a video of the stored frames would show: the flash stands in for the avatar.
    images = [flashing(time) for time in camera["time_s"]]
    out, fps = tmp_path / "out.mp4", camera["fps"]
    encode(out, on_clock(images, camera["time_s"], fps), fps, audio=subject.sound)
    heard, shown = beeps(out), flashes(out)
    begin = settings.get("start", 0.0)
    expected = np.array([event - begin for event in EVENTS if begin <= event < settings.get("end", 6.0) - 0.2])
    assert len(seen.images) == len(camera["time_s"])
    assert len(heard) == len(shown) == len(expected)
    np.testing.assert_allclose(heard, expected, atol=0.03)
    # Where frames come rarely, a flash is seen with the next frame: as late as the clip itself shows it.
    first = np.array([min(t for t in camera["time_s"] if t >= event + begin - 1e-3) - begin for event in expected])
    assert np.abs(shown - first).max() <= 1 / fps + 1e-3
    assert np.abs(shown - heard).max() <= 1 / fps + np.abs(first - expected).max() + 0.03


def test_two_clips_sound_one_after_the_other(tmp_path: Path) -> None:
    folder = tmp_path / "subject"
    first, second = clip(tmp_path, STEADY, "one"), clip(tmp_path, STEADY, "two")
    see(folder, first, second, size=96, min_sharpness=0.0)
    camera = json.loads(SubjectFolder(folder).camera.read_text())
    delay = camera["clips"][1]["delay_s"]
    assert delay > 15
    expected = np.concatenate([EVENTS, np.array(EVENTS) + delay])
    np.testing.assert_allclose(beeps(SubjectFolder(folder).sound), expected, atol=0.03)


def test_a_silent_clip_has_a_silent_track(portrait_clip: Path, tmp_path: Path) -> None:
    see(tmp_path / "subject", portrait_clip)
    info = SubjectFolder(tmp_path / "subject").sound
    assert len(beeps(info)) == 0
    command = [ffmpeg_path(), "-loglevel", "error", "-i", str(info), *f"-f s16le -ac 1 -ar {RATE} -".split()]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    assert len(data) / 2 / RATE == pytest.approx(30 / 25, abs=0.1)


def test_images_are_held_and_left_out_by_the_clock() -> None:
    images = [np.full((2, 2, 3), k, np.uint8) for k in range(5)]
    shown = [int(image[0, 0, 0]) for image in on_clock(images, [0.0, 0.1, 0.4, 0.41, 0.5], 10.0)]
    assert shown == [0, 1, 1, 1, 3, 4]
    assert list(on_clock([], [], 10.0)) == []
