"""Which frames are used, and why others are not."""

import numpy as np
import pytest

from partnerface.errors import ConfigError, InputError
from partnerface.video.appearance import DIFFERENT, SAME, describe, difference
from partnerface.video.place import face_place
from partnerface.video.sharpness import detail, relative
from partnerface.video.shots import CutFinder, shots_of
from partnerface.video.survey import judge, require_enough, thinned
from tests.video.seen import survey

pytest.importorskip("cv2")
FACE = np.array([200.0, 100, 300, 200])


def test_each_status_has_its_reason() -> None:
    boxes = np.tile(FACE, (8, 1))
    boxes[1] = boxes[2] = np.nan
    boxes[5] += 400
    seen = survey(
        boxes,
        faces=np.array([1, 0, 1, 1, 1, 1, 1, 1]),
        framed=np.array([1, 1, 1, 0, 1, 1, 1, 1], bool),
        chosen=np.array([1, 1, 1, 1, 0, 1, 1, 1], bool),
        sharpness=np.array([1, np.nan, np.nan, 1, 1, 1, 0.2, 1]),
        shot=np.array([0, 0, 0, 1, 2, 2, 2, 2]),
    )
    status, reason = judge(seen, (100, 50, 400, 350), 0.35, 12.0)
    assert status == ["kept", "no_face", "other_person", "cut", "skipped", "out_of_frame", "blurred", "kept"]
    assert reason[0] == ""
    assert "shot 2 of 3" in reason[3]
    assert "12 frames per second" in reason[4]
    assert "100 %" in reason[5]
    assert "20 %" in reason[6]
    assert "shot 3 of 3 begins" in reason[7]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (["kept"] * 10, "10 of 10 frames can be used, at least 24"),
        (["kept"] * 30 + ["no_face"] * 40, r"30 of 70 frames can be used \(40 without a face\), at least 50%"),
        (["kept"] * 12 + ["skipped"] * 40, "12 of 12 frames can be used, at least 24"),
    ],
)
def test_too_few_frames(status: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        require_enough("clip.mp4", [survey(np.tile(FACE, (len(status), 1)))], status, 24, 0.5)
    assert "\n" not in str(caught.value)


def test_enough_frames() -> None:
    status = ["kept"] * 30 + ["no_face"] * 30
    require_enough("clip.mp4", [survey(np.tile(FACE, (60, 1)))], status, 24, 0.5)


def test_a_face_of_a_few_pixels_is_refused() -> None:
    seen = survey(np.tile([100.0, 100, 120, 120], (40, 1)))
    with pytest.raises(InputError, match="only 20 px wide"):
        require_enough("clip.mp4", [seen], ["kept"] * 40, 24, 0.5)


def test_a_lower_rate_takes_the_nearest_frames() -> None:
    time_s = np.arange(30) / 30
    np.testing.assert_array_equal(np.flatnonzero(thinned(time_s, 10.0)), np.arange(0, 30, 3))
    assert thinned(time_s, None).all()
    assert thinned(time_s, 90.0).all()
    # Frames that come irregularly: each tick of the clock takes the one that is nearest to it.
    uneven = np.array([0.0, 0.09, 0.12, 0.2, 0.21, 0.33])
    np.testing.assert_array_equal(np.flatnonzero(thinned(uneven, 10.0)), [0, 1, 3, 5])
    assert thinned(np.array([4.0]), 10.0).tolist() == [True]


def test_a_cut_is_one_and_movement_is_none() -> None:
    rng, finder = np.random.default_rng(0), CutFinder()
    one, two = (rng.integers(0, 255, (6, 8, 3)).astype(np.uint8).repeat(20, 0).repeat(20, 1) for _ in range(2))
    for k in range(20):
        finder.offer(np.roll(one if k < 12 else two, 2 * k, axis=1))
    np.testing.assert_array_equal(finder.shots(), np.repeat([0, 1], [12, 8]))
    # Steps that are always large are a shaking camera.
    assert shots_of(np.full(20, 0.6)).max() == 0


def test_blur_is_seen_against_the_frames_around() -> None:
    import cv2

    rng = np.random.default_rng(0)
    sharp = cv2.GaussianBlur(rng.integers(0, 255, (160, 160, 3)).astype(np.uint8), (0, 0), 1.0)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 4.0)
    box = np.array([10.0, 10, 150, 150])
    values = np.array([detail(blurred if k == 9 else sharp, box) for k in range(20)])
    values[3] = np.nan
    share = relative(values)
    assert share[9] < 0.35
    np.testing.assert_allclose(np.delete(share, [3, 9]), 1.0)
    assert np.isnan(share[3])
    assert detail(sharp, np.array([155.0, 155, 200, 200])) == 0


def test_looks_tell_people_apart(portrait_frames: list[np.ndarray]) -> None:
    import cv2

    from partnerface.video.faces import FaceDetector

    pytest.importorskip("mediapipe")
    with FaceDetector() as detector:
        found = [(image, detector(image).points[0]) for image in portrait_frames[::7]]
    own = [describe(*one) for one in found]
    image, points = found[0]
    # Another light on the same person, and another person: wider, darker, of another hue.
    lit = describe((image * 0.7).astype(np.uint8), points)
    assert max(difference(own[0], other) for other in [*own, lit]) < SAME
    wide = cv2.resize(image, None, fx=1.5, fy=0.8)[..., ::-1].copy()
    assert difference(own[0], describe(wide, points * [1.5, 0.8])) > DIFFERENT


def test_a_place_is_two_or_three_numbers() -> None:
    assert face_place(None) is None
    assert face_place("640,300") == (640, 300, None)
    assert face_place(" 640 , 300,1.5") == (640, 300, 1.5)
    for wrong in ("640", "a,b", "1,2,3,4", "-1,2", "nan,2"):
        with pytest.raises(ConfigError, match=r"frames\.face_at"):
            face_place(wrong)
