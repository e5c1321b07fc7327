"""Sharpness, light and covers on frames that were spoilt by a known amount."""

import numpy as np
import pytest

from partnerface.capture.face import FaceTrack
from partnerface.capture.light import smoothed
from partnerface.capture.pixels import UNIT_PX, cut, look, sample, sharpness, teeth
from tests.capture.clip import FPS, assess_frames, states, still, values
from tests.faces import portrait, swaying
from tests.parsing.subject import SIZE

cv2 = pytest.importorskip("cv2")
COUNT = 60


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return swaying(COUNT, SIZE)


@pytest.fixture(scope="module")
def plain(frames) -> dict:
    """capture.json of the frames as they are."""
    return assess_frames(frames)


@pytest.fixture(scope="module")
def mouth() -> np.ndarray:
    """(COUNT, 2) px of the middle of the mouth."""
    return still(COUNT)["landmarks_px"][:, [13, 14]].mean(1)


def test_an_untouched_clip_has_nothing_of_all_that(plain):
    found = values(plain)
    assert found["blurred_percent"] == 0
    assert found["covered_percent"] == 0
    assert found["light_drift_percent"] < 5
    assert found["flicker_percent"] < 1
    assert plain["covered_s"] == []


def test_sharpness_falls_with_blur_and_hardly_depends_on_resolution():
    big = portrait(512)
    points = np.array([[150.0, 90], [380, 360]])
    unit = 150.0

    def measure(image: np.ndarray, scale: float = 1.0) -> float:
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        return sharpness(cut(small, small[..., 0], points * scale, unit * scale)[0])

    by_blur = [measure(cv2.GaussianBlur(big, (0, 0), width)) for width in (0.1, 1.5, 3, 6)]
    assert by_blur == sorted(by_blur, reverse=True)
    assert by_blur[0] > 1.5 * by_blur[2]
    for scale in (0.8, 0.65, UNIT_PX / unit):
        assert measure(big, scale) == pytest.approx(by_blur[0], rel=0.1)
    assert sharpness(np.full((20, 20, 3), 90, np.uint8)) == 0


def test_a_blurred_third_is_found(frames, plain):
    spoilt = [cv2.GaussianBlur(image, (0, 0), 2.0) if n % 3 == 0 else image for n, image in enumerate(frames)]
    found = assess_frames(spoilt)
    assert values(found)["blurred_percent"] == pytest.approx(100 / 3, abs=0.1)
    assert states(found)["blurred_percent"] == "usable"
    assert values(assess_frames([cv2.GaussianBlur(image, (0, 0), 3.0) for image in frames]))["sharpness"] < (
        0.6 * values(plain)["sharpness"]
    ), "where all are blurred, the median tells"


def covered_by(frames, mouth, first, last, patch):
    """The frames with an ellipse of `patch(image, y, x)` over the mouth from `first` to `last`."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    out = list(frames)
    for n in range(first, last):
        inside = ((x - mouth[n, 0]) / 18) ** 2 + ((y - mouth[n, 1]) / 13) ** 2 < 1
        out[n] = np.where(inside[..., None], patch(frames[n]), frames[n]).astype(np.uint8)
    return out


@pytest.mark.parametrize("what", ["microphone", "hand"])
def test_a_cover_over_the_mouth_is_found_where_it_is(frames, mouth, what):
    def patch(image: np.ndarray) -> np.ndarray:
        if what == "microphone":
            return np.full_like(image, 35)
        skin = image[70:80, 108:118].reshape(-1, 3).mean(0)  # the forehead's colour, darker towards the rim
        y = np.mgrid[:SIZE, :SIZE][0]
        return skin * (0.8 + 0.1 * np.sin(y / 2.5))[..., None]

    found = assess_frames(covered_by(frames, mouth, 20, 45, patch))
    ((start, end),) = found["covered_s"]
    assert start == pytest.approx(20 / FPS, abs=1.01 / FPS)
    assert end == pytest.approx(44 / FPS, abs=1.01 / FPS)
    assert values(found)["covered_percent"] == pytest.approx(100 * 25 / COUNT, abs=3.5)
    assert states(found)["covered_percent"] == "poor"
    assert "keep hands, hair and microphone off the face" in found["advice"]


def test_frames_that_the_landmark_model_doubts_are_covered(frames):
    from partnerface.capture.light import covered

    assert covered(np.zeros(3), np.array([0.99, 0.4, 0.0]), np.array([True, True, False])).tolist() == [
        False, True, False,
    ]  # fmt: skip


def brightened(image: np.ndarray, factor: float) -> np.ndarray:
    """`factor` times the light: sRGB to linear and back."""
    linear = (image / 255.0) ** 2.2 * factor
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def test_light_that_grows_by_a_third_is_drift_and_no_flicker(frames, plain):
    dark = [brightened(image, 0.5) for image in frames]
    growth = np.clip((np.arange(COUNT) - 15) / 30, 0, 1)  # level for 0.6 s before and after
    drifting = assess_frames([brightened(image, 1 + 0.3 * by) for by, image in zip(growth, dark, strict=True)])
    assert values(drifting)["light_drift_percent"] == pytest.approx(30, abs=3)
    assert states(drifting)["light_drift_percent"] == "usable"
    assert values(drifting)["flicker_percent"] < 1.2
    flickering = assess_frames([brightened(image, 1 + 0.06 * (n % 2)) for n, image in enumerate(dark)])
    assert values(flickering)["flicker_percent"] == pytest.approx(6, abs=1)
    assert values(flickering)["light_drift_percent"] < 8
    assert values(flickering)["covered_percent"] == values(drifting)["covered_percent"] == 0


def test_too_bright_and_too_dark(frames, plain):
    bright, dark = (assess_frames([brightened(image, by) for image in frames[:20]]) for by in (4.0, 0.003))
    assert states(plain)["white_percent"] == "good"
    assert states(bright)["white_percent"] == "poor"
    assert states(plain)["brightest_percent"] == "good"
    assert states(dark)["brightest_percent"] == "poor"
    assert states(plain)["black_percent"] == "good"
    assert states(dark)["black_percent"] == "poor"


def test_teeth_are_bright_and_not_red():
    skin, white, dark, tongue = np.array([[0.5, 0.3, 0.2], [0.45, 0.42, 0.36], [0.02, 0.01, 0.01], [0.5, 0.15, 0.15]])
    lips = np.array([[4.0, 4], [36, 4], [36, 26], [4, 26]])

    def mouth(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        return np.concatenate([np.tile(upper, (15, 40, 1)), np.tile(lower, (15, 40, 1))])

    assert teeth(mouth(white, dark), lips, skin) == pytest.approx(0.5, abs=0.05)
    assert teeth(mouth(tongue, dark), lips, skin) == 0
    assert np.isnan(teeth(mouth(white, dark), np.clip(lips, 0, (40, 6)), skin)), "closed"


def test_long_clips_are_sampled_in_pairs_of_neighbours():
    assert sample(3).tolist() == [0, 1, 2]
    chosen = sample(10_000, 600)
    assert 590 <= len(chosen) <= 600
    assert (chosen[0], chosen[-1]) == (0, 9999)
    assert (np.diff(chosen) == 1).sum() >= 290


def test_only_the_sampled_frames_are_opened(frames):
    class Opened:
        """Counts which frames are asked for."""

        def __init__(self, items):
            self.items, self.asked = items, []

        def __getitem__(self, index):
            self.asked.append(int(index))
            return self.items[index]

    arrays, chosen = still(COUNT), np.array([0, 1, 30, 31])
    track = FaceTrack.of_clip(np.arange(COUNT) / FPS, None, np.ones(COUNT, bool), np.ones(COUNT), arrays)
    opened = Opened(frames)
    found = look(opened, np.zeros((COUNT, SIZE, SIZE), np.uint8), track, chosen)  # type: ignore[arg-type]
    assert opened.asked == chosen.tolist()
    assert np.isnan(found.white).all(), "no skin, nothing to say about it"


def test_smoothing_keeps_slow_changes_and_drops_single_frames():
    time_s = np.arange(100) / 25
    spiked = time_s + 5.0 * (np.arange(100) == 50)
    assert np.abs(smoothed(spiked, time_s) - time_s)[15:-15].max() < 0.05
    assert smoothed(np.array([1.0]), np.array([0.0])).tolist() == [1.0]
