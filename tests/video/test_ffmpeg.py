"""Videos in and out: time stamps, rotation, pixel shape, odd sizes, and every kind of file that is no video."""

import io
import queue
import subprocess
from pathlib import Path

import numpy as np
import pytest

from partnerface.errors import InputError, PartNerFaceError
from partnerface.video import program as module
from partnerface.video.decode import _listen, decode
from partnerface.video.encode import encode
from partnerface.video.probe import probe
from partnerface.video.program import ffmpeg_path


def run(*arguments: str) -> None:
    subprocess.run([ffmpeg_path(), "-hide_banner", "-y", "-loglevel", "error", *arguments], check=True)


def grey(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Flat frames, frame k of value 8 k."""
    return [np.full((height, width, 3), 8 * k, np.uint8) for k in range(count)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "grey.mp4"
    encode(path, grey(25), 25)
    return path


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "tone.m4a"
    run("-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac", str(path))
    return path


def test_round_trip(clip: Path) -> None:
    info = probe(clip)
    assert (info.width, info.height, info.fps, info.rotation, info.has_audio) == (64, 48, 25, 0, False)
    assert info.duration_s == pytest.approx(1.0)
    frames = list(decode(clip, info))
    assert [frame.number for frame in frames] == list(range(25))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(25) / 25, atol=1e-6)
    # Limited range keeps 219 of 256 steps, so a value may move by one or two.
    values = [float(frame.image.mean()) for frame in frames]
    np.testing.assert_allclose(values, 8 * np.arange(25), atol=2)


def test_colours_survive(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32], image[:32, 32:], image[32:, :32], image[32:, 32:] = (
        (200, 40, 40),
        (40, 180, 60),
        (30, 60, 190),
        128,
    )
    path = tmp_path / "colours.mp4"
    encode(path, [image] * 3, 25, crf=10)
    back = next(iter(decode(path, probe(path)))).image
    for y in (16, 48):
        for x in (16, 48):
            np.testing.assert_allclose(back[y, x].astype(int), image[y, x].astype(int), atol=5)


def test_floats_and_odd_sizes(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    assert encode(path, (frame[:47, :63].astype(np.float32) / 255 for frame in grey(4)), 30) == 4
    info = probe(path)
    assert (info.width, info.height) == (64, 48)


def test_variable_rate_keeps_its_times(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "vfr.mkv"
    run("-i", str(clip), "-vf", "setpts='if(lt(N,10),N,2*N-10)/25/TB'", "-fps_mode", "passthrough", str(path))
    times = [frame.time_s for frame in decode(path, probe(path))]
    expected = np.where(np.arange(25) < 10, np.arange(25), 2 * np.arange(25) - 10) / 25
    np.testing.assert_allclose(times, expected, atol=2e-3)


def test_display_matrix_is_honoured(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    run("-display_rotation", "90", "-i", str(clip), "-c", "copy", str(path))
    info = probe(path)
    assert (info.width, info.height) == (48, 64)
    assert abs(info.rotation) == 90
    assert next(iter(decode(path, info))).image.shape == (64, 48, 3)


@pytest.mark.parametrize(("aspect", "expected"), [("1/2", (32, 48)), ("2/1", (64, 24))])
def test_pixels_become_square(clip: Path, tmp_path: Path, aspect: str, expected: tuple[int, int]) -> None:
    path = tmp_path / "sar.mp4"
    run("-i", str(clip), "-vf", f"setsar={aspect}", str(path))
    info = probe(path)
    assert (info.width, info.height) == expected
    assert next(iter(decode(path, info))).image.shape[:2] == expected[::-1]


def test_crop_and_size(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(0, 128, 2, dtype=np.uint8)[None, :, None], 48, axis=0).repeat(3, axis=2)
    path = tmp_path / "ramp.mp4"
    encode(path, [ramp] * 2, 25, crf=5)
    info = probe(path)
    part = next(iter(decode(path, info, crop=(20, 8, 52, 40)))).image
    assert part.shape == (32, 32, 3)
    np.testing.assert_allclose(part[16, :, 1].astype(int), ramp[16, 20:52, 1].astype(int), atol=4)
    assert next(iter(decode(path, info, size=(32, 24)))).image.shape == (24, 32, 3)


def test_sound_is_put_under_the_picture_and_cut(tone: Path, tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    encode(path, grey(25), 25, audio=tone)
    info = probe(path)
    assert info.has_audio
    assert info.duration_s == pytest.approx(1.0, abs=0.1)


def test_longer_sound_is_no_fault(clip: Path, tone: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    run("-i", str(clip), "-i", str(tone), "-c", "copy", str(path))
    assert len(list(decode(path, probe(path)))) == 25


def test_an_abandoned_decoder_ends(clip: Path) -> None:
    frames = decode(clip, probe(clip))
    next(frames)
    frames.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_no_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PartNerFaceError, match="no frames"):
        encode(tmp_path / "none.mp4", [], 25)


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PartNerFaceError, match="cannot write") as caught:
        encode(tmp_path / "missing" / "x.mp4", grey(3), 25)
    assert "\n" not in str(caught.value)


def test_frames_of_two_sizes_leave_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mixed.mp4"
    with pytest.raises(ValueError, match="shape"):
        encode(path, [grey(1)[0], np.zeros((10, 10, 3), np.uint8)], 25)


def bad_file(kind: str, folder: Path, clip: Path, tone: Path) -> Path:
    path = folder / "video.mp4"
    if kind == "no such file":
        return path
    if kind == "folder":
        path.mkdir()
    elif kind == "zero bytes":
        path.touch()
    elif kind == "text":
        path.write_text("This is not a video.\n" * 100)
    elif kind == "sound only":
        path.write_bytes(tone.read_bytes())
    elif kind == "no index":  # the index is at the end of this file, and is cut off
        end = folder / "end.mp4"
        run("-i", str(clip), "-c", "copy", "-movflags", "-faststart", str(end))
        path.write_bytes(end.read_bytes()[: end.stat().st_size // 2])
        end.unlink()
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no such file", "no such file"),
        ("folder", "is a folder without pictures"),
        ("zero bytes", "empty"),
        ("text", "not a video"),
        ("sound only", "no picture, only sound"),
        ("no index", "truncated"),
    ],
)
def test_bad_files_are_one_line(kind: str, words: str, clip: Path, tone: Path, tmp_path: Path) -> None:
    path = bad_file(kind, tmp_path, clip, tone)
    with pytest.raises(InputError, match=words) as caught:
        probe(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_cut_file_is_an_error_that_says_where_it_ends(suffix: str, tmp_path: Path) -> None:
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    rng = np.random.default_rng(0)
    # Noise that moves: the bytes lie evenly along the clip.
    encode(whole, (rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(100)), 25)
    path.write_bytes(whole.read_bytes()[: int(0.6 * whole.stat().st_size)])
    frames, seen = decode(path, probe(path)), []
    with pytest.raises(InputError, match=r"truncated: it states 4\.0 s but ends after") as caught:
        seen.extend(frame.number for frame in frames)
    assert 30 < len(seen) < 80
    assert "frames.end" in str(caught.value)


def test_a_complaint_inside_a_line_of_time_stamps_is_heard() -> None:
    """ffmpeg reads and filters in threads of their own, which print into each other's lines."""
    printed = (
        b"[Parsed_showinfo_0 @ 0x1] config in time_base: 1/1000, frame_rate: 25/1\n"
        b"[Parsed_showinfo_0 @ 0x1] n:   0 pts:     40 pts_time:0.04 [in#0 @ 0x2] File ended prematurely\n"
        b" s:64x48\n"
    )
    times: queue.Queue[float | None] = queue.Queue()
    complaints: list[str] = []
    _listen(io.BytesIO(printed), times, complaints)
    assert times.get() == pytest.approx(0.04)
    assert len(complaints) == 1


def test_the_newest_ffmpeg_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: "bundled")
    for system, expected in (((8, 0), "bundled"), ((7, 1), "bundled"), ((8, 0, 1), "ffmpeg"), (None, "bundled")):
        monkeypatch.setattr(module, "_version", lambda name, s=system: s if name == "ffmpeg" else (8, 0))
        module.program.cache_clear()
        assert module.ffmpeg_path() == expected
    monkeypatch.setattr(module, "_version", lambda name: None)
    module.program.cache_clear()
    with pytest.raises(PartNerFaceError, match="imageio-ffmpeg"):
        module.ffmpeg_path()
    module.program.cache_clear()
