"""What happens in a clip: cuts, other people, faces that leave, blur, damage; and what is no clip of a face."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder
from partnerface.errors import InputError
from tests.video.forms import COUNT, FPS, HEIGHT, WIDTH, X264, differences, joined, part, run, see

pytest.importorskip("mediapipe")
cv2 = pytest.importorskip("cv2")


def test_a_size_that_changes_on_the_way(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    smaller = [cv2.resize(image, (160, 128), interpolation=cv2.INTER_AREA) for image in clean_images[15:]]
    clip = joined(tmp_path, part(tmp_path, "a", clean_images[:15], 0), part(tmp_path, "b", smaller, 15))
    seen = see(tmp_path / "subject", clip)
    assert seen.status == ["kept"] * COUNT
    off = differences(seen, clean_images, np.arange(COUNT))
    assert max(off[:15]) < 2.0
    assert max(off[15:]) < 7.0


def test_a_shape_that_changes_on_the_way_is_not_squashed(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    # The phone is turned: the same scene between black bars.
    tall = [cv2.resize(image[:, 60:276], (162, 192), interpolation=cv2.INTER_AREA) for image in clean_images[15:]]
    clip = joined(tmp_path, part(tmp_path, "a", clean_images[:15], 0), part(tmp_path, "b", tall, 15))
    seen = see(tmp_path / "subject", clip)
    assert seen.status == ["kept"] * COUNT
    # 216 x 256 px of the scene fill the height again, 52 px from the left instead of 60.
    truth = [*clean_images[:15], *(np.roll(image, -8, axis=1) for image in clean_images[15:])]
    assert max(differences(seen, truth, np.arange(COUNT))) < 8.0


def test_damage_in_the_middle_leaves_the_rest_alone(
    clean: Path, clean_images: list[np.ndarray], tmp_path: Path
) -> None:
    whole, path = tmp_path / "whole.ts", tmp_path / "damaged.ts"
    run("-i", str(clean), "-an", *X264.split(), "-g", "5", str(whole))
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(0).integers(0, 255, 4000, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    seen = see(tmp_path / "subject", path, min_kept_fraction=0.3)
    numbers = np.round((seen.time_s - seen.time_s[0]) * FPS).astype(int)
    off = np.array(differences(seen, clean_images, numbers))
    assert len(numbers) > 20
    # Groups of five frames stand on their own: what was hit is lost or broken, the rest is as it was.
    assert (off < 2.0).sum() >= 18
    assert max(off[:8]) < 2.0
    assert max(off[-8:]) < 2.0


def test_a_cut_to_another_framing_is_dropped(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    close = [cv2.resize(image[20:148, 100:260], (WIDTH, HEIGHT)) for image in clean_images]
    clip = joined(tmp_path, part(tmp_path, "a", [*clean_images, *close[:12]], 0))
    seen = see(tmp_path / "subject", clip)
    assert seen.status == ["kept"] * COUNT + ["cut"] * 12
    assert seen.clip["shots"] == 2


def test_a_cut_to_nobody_and_back(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    wall = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    wall[:] = (np.arange(HEIGHT) // 16 % 2 * 120 + 60)[:, None, None]
    clip = joined(tmp_path, part(tmp_path, "a", [*clean_images[:15], *[wall] * 8, *clean_images[15:]], 0))
    folder = tmp_path / "subject"
    seen = see(folder, clip)
    assert seen.status == ["kept"] * 15 + ["cut"] * 8 + ["kept"] * 15
    camera = json.loads(SubjectFolder(folder).camera.read_text())
    # Nothing is smoothed across what was cut out.
    assert camera["take"] == [0] * 15 + [1] * 15


def test_two_people_side_by_side(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    # The second person: the portrait mirrored, smaller, in other colours.
    images = []
    for image in clean_images:
        other = cv2.resize(image[::1, 40:296][:, ::-1, ::-1], (224, 224), interpolation=cv2.INTER_AREA)
        images.append(np.concatenate([image, np.concatenate([np.full((32, 224, 3), 110, np.uint8), other])], axis=1))
    clip = joined(tmp_path, part(tmp_path, "a", images, 0))
    large = see(tmp_path / "large", clip).clip
    assert large["other_people"] == 1
    assert large["crop"][2] <= 330
    small = see(tmp_path / "small", clip, face_at="425,110,0.5").clip
    assert small["crop"][0] >= 280
    with pytest.raises(InputError, match=r"no face at 300,20"):
        see(tmp_path / "nobody", clip, face_at="300,20,0.5")
    with pytest.raises(InputError, match="is outside of what is read"):
        see(tmp_path / "late", clip, face_at="100,100,60")


def test_a_face_that_leaves_the_frame(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    images = [np.roll(image, 14 * max(0, k - 14), axis=1) for k, image in enumerate(clean_images)]
    for k, image in enumerate(images):
        image[:, : 14 * max(0, k - 14)] = 120
    seen = see(tmp_path / "subject", joined(tmp_path, part(tmp_path, "a", images, 0)), min_kept_fraction=0.3)
    assert set(seen.status[:15]) == {"kept"}
    assert set(seen.status[-4:]) <= {"out_of_frame", "no_face"}


def test_a_blurred_moment_is_dropped(clean_images: list[np.ndarray], tmp_path: Path) -> None:
    images = [cv2.blur(image, (15, 1)) if 10 <= k < 13 else image for k, image in enumerate(clean_images)]
    seen = see(tmp_path / "subject", joined(tmp_path, part(tmp_path, "a", images, 0)))
    assert [k for k, status in enumerate(seen.status) if status != "kept"] == [10, 11, 12]
    assert set(seen.status[10:13]) == {"blurred"}
    assert set(see(tmp_path / "all", tmp_path / "joined.mkv", min_sharpness=0.0).status) == {"kept"}


def drawing() -> np.ndarray:
    """A face as a child draws it."""
    image = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    cv2.circle(image, (160, 128), 90, (20, 20, 20), 3)
    for x in (125, 195):
        cv2.circle(image, (x, 105), 8, (20, 20, 20), -1)
    cv2.ellipse(image, (160, 150), (45, 30), 0, 20, 160, (200, 30, 30), 4)
    return image


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("photo", "is one picture, not a video"),
        ("a folder of other things", "is a folder without pictures"),
        ("a broken picture", "is no picture that can be read"),
        ("pictures of two sizes", "the first picture of its folder"),
    ],
)
def test_what_is_no_clip_of_a_face(kind: str, words: str, clean_images: list[np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    video = folder
    if kind == "photo":
        video = folder / "photo.jpg"
        cv2.imwrite(str(video), clean_images[0])
    elif kind == "a folder of other things":
        (folder / "readme.txt").write_text("nothing here")
    else:
        for k in range(3):
            cv2.imwrite(str(folder / f"{k}.png"), clean_images[k][: HEIGHT - (4 if k == 2 and "sizes" in kind else 0)])
        if "broken" in kind:
            (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:200])
    with pytest.raises(InputError, match=words) as caught:
        see(tmp_path / "subject", video)
    assert "\n" not in str(caught.value)


def test_a_drawn_face_is_called_poor(tmp_path: Path) -> None:
    """The detector takes it for a face, so nothing stops; the capture check says what it is worth."""
    folder = tmp_path / "subject"
    see(folder, joined(tmp_path, part(tmp_path, "a", [drawing()] * COUNT, 0)))
    for words in ("landmarks", "tracking --keyframes 8 --offset-rounds 0", "parsing", "capture"):
        command = [sys.executable, "-m", "partnerface", words.split()[0], str(folder), *words.split()[1:]]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert json.loads((folder / "capture.json").read_text())["verdict"] == "poor"
