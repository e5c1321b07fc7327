"""Blinks are counted by time, whatever the frame rate, and nothing else is counted."""

import numpy as np
import pytest

from partnerface.head.blinks import closures, relative_opening

OPEN = 0.11


def eyes(fps: float, blinks: list[tuple[float, float]], seconds: float = 12.0, floor: float = 0.1) -> tuple:
    """Opening (N, 2) with closures (middle, length in s), and times; flanks of a third of the length."""
    time_s = np.arange(round(seconds * fps)) / fps
    opening = np.ones_like(time_s)
    for middle, length in blinks:
        away = np.abs(time_s - middle)
        opening = np.minimum(opening, np.clip((away - length / 6) / (length / 3), 0, 1) * (1 - floor) + floor)
    return OPEN * np.column_stack([opening, opening]), time_s


def count(opening: np.ndarray, time_s: np.ndarray) -> int:
    return sum(closure.blink for closure in closures(relative_opening(opening, time_s), time_s))


@pytest.mark.parametrize("fps", [12, 15, 24, 25, 29.97, 30, 50, 60])
def test_count_and_length_do_not_depend_on_the_rate(fps):
    middles = [1.03, 2.51, 4.2, 4.75, 8.0, 10.87]
    opening, time_s = eyes(fps, [(middle, 0.3) for middle in middles])
    found = closures(relative_opening(opening, time_s), time_s)
    assert len(found) == 6
    assert all(closure.blink for closure in found)
    np.testing.assert_allclose([(c.start_s + c.end_s) / 2 for c in found], middles, atol=0.04)
    # Below HALF it is shut for a half of 0.3 s plus what the flanks take.
    np.testing.assert_allclose([c.length_s for c in found], 0.233, atol=0.06)


def test_at_five_frames_per_second_long_blinks_are_still_seen():
    assert count(*eyes(5, [(1.0, 0.4), (3.1, 0.4), (6.27, 0.4)])) == 3


def test_two_blinks_with_the_eye_ajar_between_are_two():
    opening, time_s = eyes(30, [(3.0, 0.3), (3.36, 0.3)])
    ajar = (time_s > 3.1) & (time_s < 3.26)
    opening[ajar] = np.minimum(opening[ajar], 0.7 * OPEN)
    assert count(opening, time_s) == 2


def test_winks_glances_and_narrow_eyes_are_no_blinks():
    opening, time_s = eyes(30, [(3.0, 0.3)])
    opening[:, 1] = OPEN
    assert count(opening, time_s) == 0, "one eye alone"
    assert count(*eyes(30, [(3.0, 0.8)], floor=0.75)) == 0, "a glance down"
    assert count(*eyes(30, [(6.0, 3.0)], floor=0.5)) == 0, "a squint"
    narrow, time_s = eyes(30, [(3.0, 0.3)])
    narrow[time_s > 5] *= 0.62
    assert count(narrow, time_s) == 1, "eyes that are narrower for a while"


def test_eyes_kept_shut_are_no_blink_but_are_found():
    opening, time_s = eyes(30, [(4.0, 0.3), (8.0, 3.0)])
    found = closures(relative_opening(opening, time_s), time_s)
    assert [closure.blink for closure in found] == [True, False]
    assert found[1].length_s == pytest.approx(2.33, abs=0.1)


def test_a_gap_of_dropped_frames_ends_a_closure():
    opening, time_s = eyes(30, [(4.0, 0.3), (7.0, 0.3)])
    kept = (time_s < 4.0) | (time_s > 7.0)
    found = closures(relative_opening(opening[kept], time_s[kept]), time_s[kept])
    assert [closure.blink for closure in found] == [True, True]
    assert found[0].end_s < 4.01
    assert found[1].start_s > 6.99


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(frames):
    opening, time_s = eyes(25, [])
    assert closures(relative_opening(opening[:frames], time_s[:frames]), time_s[:frames]) == []
