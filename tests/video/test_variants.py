"""One clip in many nasty forms: each gives the frames of the clean clip within the tolerance that stands beside it.

Frames are compared in the upright picture's own coordinates, so a squashed, shifted, mirrored or mistimed clip fails
whatever its crop. A tolerance is the greatest mean difference of a frame in grey levels of 255; turning an upright
portrait by 90° or showing its neighbour in time costs 20 and 3.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder
from tests.video.forms import COUNT, FPS, HEIGHT, WIDTH, X264, Seen, differences, run, see

pytest.importorskip("mediapipe")
cv2 = pytest.importorskip("cv2")

X265 = "-c:v libx265 -x265-params crf=8:log-level=error"


@dataclass
class Variant:
    """How a form of the clip is made, and what may differ.

    Attributes:
        make: ffmpeg's options between the clean clip and the output, or several commands.
        suffix: of the file.
        tolerance: grey levels.
        before: ffmpeg's options before the input of a last pass that copies, such as a display matrix.
        times: the true times of the frames; None are the clean clip's.
        numbers: which clean frames are there; None are all.
    """

    make: str
    suffix: str = ".mp4"
    tolerance: float = 2.0
    before: str = ""
    numbers: tuple[int, ...] | None = None
    times: tuple[float, ...] | None = None
    settings: dict | None = None


UNEVEN = tuple(k for k in range(COUNT) if k % 7 not in (2, 3) and k % 5 != 4)
LATE = tuple(0.04 * k + (0.32 if k > 11 else 0.0) for k in range(COUNT))
VARIANTS = {
    "mp4": Variant(X264),
    "capital suffix": Variant(X264, ".MP4"),
    "mov, prores": Variant("-c:v prores_ks -profile:v 3 -pix_fmt yuv422p10le", ".mov"),
    "mkv, hevc": Variant(f"{X265} -pix_fmt yuv420p", ".mkv"),
    "webm, vp9": Variant("-c:v libvpx-vp9 -crf 8 -b:v 0 -deadline realtime -cpu-used 8", ".webm"),
    "avi, mjpeg": Variant("-c:v mjpeg -q:v 2", ".avi"),
    "transport stream": Variant(X264, ".ts"),
    "animated gif": Variant("-filter_complex split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none", ".gif", 5.0),
    "turned by 90": Variant(f"-vf transpose=1 {X264}", before="-display_rotation 90"),
    "turned by 180": Variant(f"-vf hflip,vflip {X264}", before="-display_rotation 180"),
    "turned by 270": Variant(f"-vf transpose=2 {X264}", before="-display_rotation 270"),
    "mirrored": Variant(f"-vf hflip {X264}", before="-display_hflip"),
    "mirrored and turned": Variant(f"-vf transpose=3 {X264}", before="-display_rotation 90 -display_hflip"),
    "variable rate": Variant(
        f"-vf select='{'+'.join(f'eq(n,{k})' for k in UNEVEN)}' -fps_mode passthrough {X264}",
        numbers=UNEVEN,
        times=tuple(0.04 * k for k in UNEVEN),
    ),
    "a pause in the stamps": Variant(
        f"-vf setpts='if(gt(N,11),PTS+0.32/TB,PTS)' -fps_mode passthrough -video_track_timescale 90000 {X264}",
        times=LATE,
    ),
    "29.97": Variant(
        f"-vf setpts=N*1001/30000/TB -r 30000/1001 {X264}", times=tuple(k * 1001 / 30000 for k in range(COUNT))
    ),
    "to 10 per second": Variant(
        X264, numbers=(0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27), settings={"rate": 10.0},
        times=tuple(0.04 * k for k in (0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27)),
    ),
    "5 per second": Variant(
        f"-vf select='not(mod(n,5))',setpts=N/5/TB -r 5 {X264}", numbers=tuple(range(0, 30, 5)),
        times=tuple(0.2 * k for k in range(6)),
    ),
    "late start": Variant(X264, before="-itsoffset 1.5", times=tuple(0.04 * k for k in range(COUNT))),
    "full range": Variant("-vf scale=out_range=full -c:v libx264 -crf 8 -pix_fmt yuv420p -color_range pc"),
    "BT.709": Variant(f"-vf scale=out_color_matrix=bt709 {X264} -colorspace bt709 -color_trc bt709"),
    "BT.601 without a word": Variant(f"-vf scale=out_color_matrix=bt601 {X264}"),
    "4:4:4": Variant("-c:v libx264 -crf 8 -pix_fmt yuv444p"),
    "10 bit": Variant(f"{X265} -pix_fmt yuv420p10le", ".mov"),
    "grey": Variant("-vf format=gray -c:v ffv1", ".mkv", tolerance=40.0),
    "odd size": Variant("-vf scale=319:255:flags=area -c:v libx264 -crf 8 -pix_fmt yuv444p", tolerance=4.0),
    "wide pixels": Variant(f"-vf scale=160:256:flags=area,setsar=2/1 {X264}", tolerance=7.0),
    "tall pixels": Variant(f"-vf scale=320:128:flags=area,setsar=1/2 {X264}", tolerance=7.0),
    "8K": Variant(
        "-vf scale=7680:6144 -frames:v 6 -c:v libx264 -preset ultrafast -crf 12 -pix_fmt yuv420p", tolerance=3.0,
        numbers=tuple(range(6)),
    ),
}  # fmt: skip


def make(variant: Variant, clean: Path, folder: Path) -> Path:
    path = folder / f"variant{variant.suffix}"
    target = folder / f"first{variant.suffix}" if variant.before else path
    sound = {".webm": "-c:a libopus", ".avi": "-c:a pcm_s16le", ".gif": ""}.get(variant.suffix, "-c:a aac")
    run("-i", str(clean), *variant.make.split(), *sound.split(), str(target))
    if variant.before:
        run(*variant.before.split(), "-i", str(target), "-c", "copy", str(path))
    return path


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_gives_the_clean_frames(
    name: str, clean: Path, clean_images: list[np.ndarray], tmp_path: Path
) -> None:
    variant = VARIANTS[name]
    seen = see(tmp_path / "subject", make(variant, clean, tmp_path), **(variant.settings or {}))
    numbers = np.array(variant.numbers if variant.numbers is not None else range(COUNT))
    assert len(seen.images) == len(numbers)
    times = numbers / FPS if variant.times is None else np.array(variant.times)
    tick = 0.011 if name == "animated gif" else 2e-3  # a GIF's clock ticks 100 times a second
    np.testing.assert_allclose(seen.time_s - seen.time_s[0], times - times[0], atol=tick)
    off = differences(seen, clean_images, numbers)
    assert max(off) < variant.tolerance, off


def hdr_signal(image: np.ndarray, transfer: str) -> np.ndarray:
    """sRGB as it would stand in an HDR file whose diffuse white is 203 cd/m², (h, w, 3) from 0 to 1."""
    value = image / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    # BT.709 to BT.2020 primaries (BT.2087, table 2)
    light = light @ np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]).T
    nits = 203 * light
    if transfer == "smpte2084":
        power = (nits / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    luma = np.maximum(nits @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None] / 1000
    scene = nits / 1000 * luma ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_high_dynamic_range_becomes_srgb(transfer: str, clean_images: list[np.ndarray], tmp_path: Path) -> None:
    # Up to the knee of the tone curve, 0.6 of diffuse white, light stays what it was: brighter pixels are not compared.
    dimmed = [np.minimum(image, 200) for image in clean_images]
    raw, path = tmp_path / "raw", tmp_path / "hdr.mov"
    signal = np.stack([hdr_signal(image, transfer) for image in dimmed])
    raw.write_bytes((signal * 65535 + 0.5).astype("<u2").tobytes())
    run(
        *f"-f rawvideo -pix_fmt rgb48le -s {WIDTH}x{HEIGHT} -framerate {FPS} -i".split(), str(raw), "-vf",
        "scale=out_color_matrix=bt2020:out_range=limited:flags=accurate_rnd+full_chroma_int,format=yuv420p10le",
        *["-c:v", "libx265", "-x265-params"],
        f"crf=6:log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited",
        *f"-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc".split(), str(path),
    )  # fmt: skip
    seen = see(tmp_path / "subject", path)
    assert seen.clip["dynamic_range"] == {"arib-std-b67": "hlg", "smpte2084": "pq"}[transfer]
    assert seen.clip["tone_map"] == "mobius"
    assert max(differences(seen, dimmed, np.arange(COUNT))) < 3.0


def test_a_folder_of_pictures(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k, image in enumerate(clean_images):
        cv2.imwrite(str(folder / f"frame{k}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    (folder / "notes.txt").write_text("no picture")
    seen = see(tmp_path / "subject", folder)
    np.testing.assert_allclose(seen.time_s, np.arange(COUNT) / 25, atol=1e-6)
    assert max(differences(seen, clean_images, np.arange(COUNT))) < 0.5


def test_a_folder_of_phone_pictures(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    image_module = pytest.importorskip("PIL.Image")
    folder = tmp_path / "phone"
    folder.mkdir()
    for k, image in enumerate(clean_images):
        picture = image_module.fromarray(np.ascontiguousarray(np.rot90(image)))
        exif = picture.getexif()
        exif[0x0112] = 6  # to be turned clockwise by 90 degrees
        picture.save(folder / f"IMG_{k:04d}.JPG", quality=95, exif=exif)
    seen = see(tmp_path / "subject", folder)
    assert (seen.clip["width"], seen.clip["height"]) == (WIDTH, HEIGHT)
    assert max(differences(seen, clean_images, np.arange(COUNT))) < 2.0


def test_two_clips_of_one_person(clean: Path, clean_images: list[np.ndarray], tmp_path: Path) -> None:
    small = tmp_path / "small.mp4"
    run("-i", str(clean), "-an", "-vf", "scale=240:192:flags=area", "-frames:v", "12", *X264.split(), str(small))
    folder = tmp_path / "subject"
    first = see(folder, clean, small)
    camera = json.loads(SubjectFolder(folder).camera.read_text())
    assert len(first.images) == COUNT + 12
    assert camera["kept"] == list(range(COUNT + 12))
    assert camera["clip"] == camera["take"] == [0] * COUNT + [1] * 12
    assert np.diff(camera["time_s"]).min() > 0
    assert camera["time_s"][COUNT] > camera["time_s"][COUNT - 1] + 9
    # Both squares are the same share of their pictures: one focal length serves.
    shares = [(clip["crop"][2] - clip["crop"][0]) / clip["width"] for clip in camera["clips"]]
    assert shares[0] == pytest.approx(shares[1], abs=2 / 240)
    second = Seen(first.images[COUNT:], first.time_s[COUNT:], camera["clips"][1], [])
    assert max(differences(second, clean_images, np.arange(12))) < 5.0
    x0, y0, x1, _ = camera["clips"][1]["crop"]
    scale = camera["size"] / (x1 - x0)
    assert camera["principal_point"][-1] == pytest.approx([(120 - x0) * scale, (96 - y0) * scale], abs=1e-3)
