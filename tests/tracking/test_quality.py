"""The measures of a tracking, on data whose answer is known by hand."""

import numpy as np
import pytest

from partnerface.head import points as marks
from partnerface.tracking.curves import CURVES, curves, low_pass, pieces, unit_px
from partnerface.tracking.fit import FitOptions, fit_clip
from partnerface.tracking.halves import halves
from partnerface.tracking.quality import (
    amplitudes,
    blink_frames,
    blink_report,
    error_percent,
    groups,
    held_out,
    jitter,
    jitter_report,
    match,
    rests,
)

FPS, UNIT = 25.0, 100.0


def face(count: int = 1) -> np.ndarray:
    """(count, 478, 3) a still face seen from the front, px: the measured one, its eye corners UNIT apart."""
    from partnerface.head.builtin.face import EYE_CORNERS, load_face

    points = load_face().points * [1, -1, -1] * UNIT / EYE_CORNERS + [200, 200, 0]
    return np.repeat(points[None], count, axis=0)


def blinking(frames: list[int], count: int = 200) -> np.ndarray:
    """Faces whose lids close around `frames`: half shut, shut for three frames, half shut."""
    points = face(count)
    shut = np.zeros(count)
    for frame in frames:
        shut[frame - 2 : frame + 3] = [0.5, 0.9, 0.9, 0.9, 0.5]
    for upper, lower in (marks.RIGHT_LID_CHAINS, marks.LEFT_LID_CHAINS):
        for a, b in zip(upper[1:-1], lower[1:-1], strict=True):
            points[:, a] += shut[:, None] * (points[:, b] - points[:, a])
    return points


def test_the_error_is_the_mean_distance_in_percent():
    points, found = face(3), np.array([True, True, False])
    fitted = points.copy()
    fitted[0, :, 0] += 3.0
    fitted[1, :, 1] -= 5.0
    fitted[2] += 1000.0
    np.testing.assert_allclose(error_percent(fitted, points, found, np.array([100.0, 50.0, 1.0])), (3 + 10) / 2)


def test_the_groups_are_all_landmarks_once():
    np.testing.assert_array_equal(np.sort(np.concatenate(list(groups().values()))), np.arange(478))


def test_held_out_landmarks_are_those_of_the_other_half(toy):
    _, points = toy.clip(12)
    found, asked = np.ones(12, bool), []
    wrong = points.copy()
    # The first half's points stand 10 % of the unit beside where the rest of the surface says.
    tracking = fit_clip(toy.model, points, found, toy.size, options=FitOptions(offset_rounds=0))
    wrong[:, halves(), 0] += 0.1 * unit_px(tracking.model, tracking.arrays())[:, None]

    def fit(weights: np.ndarray):
        asked.append(weights > 0)
        return tracking

    result = held_out(fit, wrong, found)
    np.testing.assert_array_equal(asked, [halves(), ~halves()])
    # A fit that sits on the true points misses each point of the first half alone, whether it has seen it or not.
    assert result["seen_percent"] == pytest.approx(5.0, abs=0.3)
    assert result["unseen_percent"] == pytest.approx(5.0, abs=0.3)
    lips = groups()["lips"]
    assert result["unseen_by_part"]["lips"] == pytest.approx(10 * halves()[lips].mean(), abs=0.5)


def test_unseen_landmarks_of_a_real_fit_are_further_off_than_seen_ones(toy):
    _, points = toy.clip(30)
    noisy = points + np.random.default_rng(0).normal(0, 1.0, points.shape)
    found, units = np.ones(30, bool), []

    def fit(weights: np.ndarray):
        tracking = fit_clip(toy.model, noisy, found, toy.size, landmark_weights=weights)
        units.append(unit_px(tracking.model, tracking.arrays()).mean())
        return tracking

    result = held_out(fit, noisy, found)
    # A surface in the true place would miss landmarks with a noise of 1 px by sqrt(pi / 2) px.
    noise = 100 * np.sqrt(np.pi / 2) / np.mean(units)
    assert noise < result["unseen_percent"] < 1.15 * noise
    assert result["seen_percent"] < result["unseen_percent"]


def test_the_unit_is_what_the_eye_corners_would_span_from_the_front(toy):
    truth, _ = toy.clip(20)
    arrays = truth.parameters(toy.head)
    unit = unit_px(toy.model, arrays)
    # px per metre at the anchor, which is within a few centimetres of the eyes.
    apart = unit * truth.position[:, 2].exp().numpy()
    np.testing.assert_allclose(apart, np.median(apart), rtol=0.1)
    assert np.ptp(unit) > 0


def test_blinks_are_matched_one_to_one():
    assert match(np.array([10, 50, 90]), np.array([12, 47, 90, 130])).as_dict() == {
        "reference": 3,
        "fitted": 4,
        "recall": 2 / 3,
        "precision": 0.5,
    }
    # Two of the landmarks can't be the same one of the fit; and pairs are made so that there are most of them.
    assert match(np.array([10, 12]), np.array([11])).common == 1
    assert match(np.array([10, 12]), np.array([12, 14])).common == 2
    nothing = match(np.array([], int), np.array([], int)).as_dict()
    assert (nothing["recall"], nothing["precision"]) == (None, None)


def test_blinks_are_found_in_landmarks_and_in_the_fit():
    time_s, found = np.arange(200) / FPS, np.ones(200, bool)
    np.testing.assert_array_equal(blink_frames(blinking([40, 100, 150]), time_s), [40, 100, 150])
    report = blink_report(blinking([41, 104]), blinking([40, 100, 150]), found, time_s)
    assert report == {"reference": 3, "fitted": 2, "recall": 1 / 3, "precision": 0.5}
    # In frames without landmarks nobody knows: what the fit does there is no event.
    found[98:108] = False
    assert blink_report(blinking([41, 104]), blinking([40, 150]), found, time_s)["precision"] == 1.0


def test_lids_that_go_only_a_quarter_of_the_way_are_no_blink():
    time_s, found = np.arange(200) / FPS, np.ones(200, bool)
    points = blinking([40, 100])
    weak = face(200) + 0.25 * (points - face(200))
    assert blink_report(weak, points, found, time_s)["recall"] == 0.0


def test_jitter_of_independent_noise_is_root_twelve_of_its_deviation():
    noise = np.random.default_rng(0).normal(0, 0.5, (400, 478, 2))
    pixels, percent = jitter(face(400)[..., :2] + noise, [np.arange(400)], np.full(400, UNIT))
    assert np.sqrt((pixels**2).mean()) == pytest.approx(np.sqrt(12) * 0.5, rel=0.01)
    np.testing.assert_allclose(percent, pixels)
    # A steady motion has none; a single jump of 1 px has 1, -1 in two of six differences.
    steady = face(8)[..., :2] + np.arange(8)[:, None, None]
    assert jitter(steady, [np.arange(8)], np.full(8, UNIT))[0].max() == pytest.approx(0, abs=1e-9)
    jump = face(8)[..., :1] + (np.arange(8) >= 4)[:, None, None]
    np.testing.assert_allclose(jitter(jump, [np.arange(8)], np.full(8, UNIT))[0], np.sqrt(2 / 6))


def test_rest_is_where_the_landmarks_are_slow():
    count = 100
    time_s, points = np.arange(count) / FPS, face(count)
    # The head goes to the right by half a unit per second from frame 40 to 59; the mouth opens by as much in 80..84.
    points[..., 0] += 0.02 * UNIT * np.clip(np.arange(count) - 40, 0, 20)[:, None]
    opened = 0.04 * UNIT * np.clip(np.arange(count) - 80, 0, 5)
    points[:, [14, 87, 317], 1] += opened[:, None]
    points += np.random.default_rng(0).normal(0, 0.2, points.shape)
    still = rests(points, np.ones(count, bool), time_s, np.full(count, UNIT))
    assert len(still) == 3
    for part, (first, last) in zip(still, [(0, 38), (62, 78), (87, 99)], strict=True):
        assert abs(part[0] - first) <= 4
        assert abs(part[-1] - last) <= 4
    # A blink is no rest, though few of the landmarks move.
    assert all(
        np.abs(part - 40).min() > 1
        for part in rests(blinking([40], 80), np.ones(80, bool), time_s[:80], np.full(80, UNIT))
    )
    # Frames without landmarks end a stretch, and stretches of fewer than eight frames don't count.
    found = np.ones(count, bool)
    found[[10, 16, 25]] = False
    parts = rests(points, found, time_s, np.full(count, UNIT))
    assert [(part[0], part[-1]) for part in parts[:2]] == [(0, 9), (17, 24)]


def test_a_fit_that_trembles_half_as_much_has_half_the_jitter():
    rng, count = np.random.default_rng(0), 60
    noise, time_s = rng.normal(0, 0.4, (count, 478, 3)), np.arange(count) / FPS
    found, unit = np.ones(count, bool), np.full(count, UNIT)
    report = jitter_report(face(count) + noise / 2, face(count) + noise, found, time_s, unit)
    assert report["frames"] == count
    assert report["ratio"] == pytest.approx(0.5, rel=1e-6)
    assert report["ratio_by_part"]["lids"] == pytest.approx(0.5, rel=1e-6)
    assert report["landmarks_percent"] == pytest.approx(np.sqrt(12) * 0.4, rel=0.02)


def test_without_rest_there_is_no_jitter_to_tell():
    count = 60
    points = face(count)
    points[..., 0] += 2.0 * np.arange(count)[:, None]
    report = jitter_report(points, points, np.ones(count, bool), np.arange(count) / FPS, np.full(count, UNIT))
    assert (report["frames"], report["ratio"], report["fit_px"]) == (0, None, None)


def test_amplitude_is_the_share_of_the_motion_that_the_fit_makes():
    count = 250
    time_s, unit, found = np.arange(count) / FPS, np.full(count, UNIT), np.ones(count, bool)
    opening = 10 * (2 + np.sin(2 * np.pi * 1.0 * time_s))
    points, fitted = face(count), face(count)
    lower = list(marks.INNER_LIP_CHAINS[1])
    points[:, lower, 1] += opening[:, None]
    fitted[:, lower, 1] += 0.8 * opening[:, None]
    # Trembling of the landmarks is not amplitude: without the low-pass the ratio would be 0.74.
    points[:, lower, 1] += 3.0 * ((-1.0) ** np.arange(count))[:, None]
    result = amplitudes(fitted, points, found, time_s, unit)
    assert result["mouth_opening"]["ratio"] == pytest.approx(0.8, abs=0.01)
    # What is left of the trembling, 0.285 of it, against a sine of 10.
    assert result["mouth_opening"]["correlation"] == pytest.approx(50**0.5 / (50 + 0.855**2) ** 0.5, abs=2e-3)
    assert result["roll"] == {"fit": 0.0, "landmarks": 0.0, "ratio": None, "correlation": None}


def test_each_curve_sees_its_motion():
    still, unit = face(2), np.full(2, UNIT)
    base = curves(still, unit)
    assert set(base) == set(CURVES)
    moved = still.copy()
    moved[1, [*marks.RIGHT_BROW_EDGES[0], *marks.LEFT_BROW_EDGES[0]], 1] -= 7.0
    moved[1, 61, 0] -= 3.0
    moved[1, 1, 0] += 4.0
    after = {name: values[1] - values[0] for name, values in curves(moved, unit).items()}
    assert after == pytest.approx(
        dict.fromkeys(CURVES, 0) | {"brow_height": 0.07, "lip_width": 0.03, "yaw": 0.04}, abs=1e-3
    )
    # A tilt in the picture is roll and nothing else.
    angle = 0.2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilted = still[..., :2].copy()
    tilted[1] = tilted[1] @ turn.T
    after = {name: values[1] - values[0] for name, values in curves(tilted, unit).items()}
    assert after == pytest.approx(dict.fromkeys(CURVES, 0) | {"roll": angle}, abs=1e-9)


def test_the_low_pass_keeps_speech_and_takes_trembling():
    time_s = np.arange(300) / 30

    def gain(hertz: float) -> float:
        wave = np.sin(2 * np.pi * hertz * time_s + 0.3)
        return float(low_pass(wave, time_s, 0.025)[30:-30].std() / wave[30:-30].std())

    assert gain(1.0) > 0.98
    # exp(-(2 pi f s)^2 / 2) = 0.735 at 5 Hz, for samples that are close together.
    assert gain(5.0) == pytest.approx(0.735, abs=0.02)
    assert gain(14.0) < 0.25
    np.testing.assert_allclose(low_pass(np.ones((9, 2)), time_s[:9], 0.1), 1.0)


def test_pieces_end_at_gaps_and_missing_frames():
    time_s = np.array([0.0, 0.04, 0.08, 1.0, 1.04, 1.08, 1.12])
    found = np.array([True, True, True, True, True, False, True])
    assert [part.tolist() for part in pieces(found, time_s, 0.15)] == [[0, 1, 2], [3, 4], [6]]
