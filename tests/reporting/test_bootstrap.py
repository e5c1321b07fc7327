"""Intervals: what they must be where it can be worked out, how wide they are where it is known, and always the same."""

import numpy as np
import pytest

from partnerface.reporting.bootstrap import SAMPLES, block_length, interval, resampled_means


def test_a_constant_has_no_width():
    means = resampled_means(np.full((3, 40), 20.1), 7)
    assert len(means) == SAMPLES
    low, high = interval(means)
    assert low == high == pytest.approx(20.1)


def test_one_block_of_all_frames_is_the_mean_itself():
    values = np.arange(12.0)
    assert resampled_means(values, 12) == pytest.approx(np.full(SAMPLES, 5.5))


def test_blocks_by_hand():
    """Two blocks of two in four frames, the last followed by the first: all pairs of the four sums 1, 3, 5, 3."""
    means = resampled_means(np.array([0.0, 1.0, 2.0, 3.0]), 2)
    sums = [1.0, 3.0, 5.0, 3.0]
    expected = [(a + b) / 4 for a in sums for b in sums]
    assert set(means) == set(expected)
    assert means.mean() == pytest.approx(1.5, abs=0.02)
    for value in set(expected):
        assert (means == value).mean() == pytest.approx(expected.count(value) / 16, abs=0.04)


def test_the_last_block_is_cut_to_fit():
    """Blocks of two in three frames: a sample holds three frames, never four."""
    means = resampled_means(np.array([1.0, 10.0, 100.0]), 2)
    assert set(np.round(3 * means)) == {pair + one for pair in (11, 110, 101) for one in (1, 10, 100)}


def test_single_frames_give_the_textbooks_width():
    rng = np.random.default_rng(7)
    values = rng.normal(5, 2, 400)
    low, high = interval(resampled_means(values, 1))
    expected = 1.96 * values.std() / 20
    assert high - values.mean() == pytest.approx(expected, rel=0.1)
    assert values.mean() - low == pytest.approx(expected, rel=0.1)


def test_neighbours_that_resemble_each_other_widen_it():
    """A random walk of one step in ten frames: 40 values and not 400, so the interval is sqrt(10) as wide."""
    values = np.repeat(np.random.default_rng(7).normal(0, 1, 40), 10)
    low, high = interval(resampled_means(values, 10))
    naive_low, naive_high = interval(resampled_means(values, 1))
    assert (high - low) / (naive_high - naive_low) == pytest.approx(np.sqrt(10), rel=0.25)


def test_seeds_see_the_same_draw_and_are_averaged():
    rng = np.random.default_rng(1)
    one = rng.normal(0, 1, 50)
    assert resampled_means(np.stack([one, one + 2]), 5) == pytest.approx(resampled_means(one, 5) + 1)
    opposite = interval(resampled_means(np.stack([one, -one]), 5))
    assert opposite == pytest.approx((0, 0), abs=1e-12)


def test_a_frame_that_a_seed_lacks_is_left_out_of_its_mean():
    values = np.array([[1.0, 1.0, np.nan, 1.0], [3.0, 3.0, 3.0, 3.0]])
    assert interval(resampled_means(values, 1)) == pytest.approx((2, 2))


def test_the_same_numbers_twice_and_others_from_another_stream():
    values = np.random.default_rng(2).normal(0, 1, (2, 30))
    assert np.array_equal(resampled_means(values, 4), resampled_means(values.copy(), 4))
    assert not np.array_equal(resampled_means(values, 4), resampled_means(values, 4, stream=1))


@pytest.mark.parametrize(
    ("frames", "fps", "length"),
    [
        (np.arange(100), 30.0, 15),
        (np.arange(100), 60.0, 25),  # half a second is 30 frames, but four blocks are the least
        (np.arange(200) * 2, 30.0, 8),  # every second frame was kept
        (np.arange(24) * 10, 30.0, 2),
        (np.arange(100) * 100, 30.0, 1),
        (np.arange(12), 25.0, 3),
        (np.arange(1), 30.0, 1),
    ],
)
def test_a_block_is_half_a_second(frames, fps, length):
    assert block_length(frames, fps) == length
