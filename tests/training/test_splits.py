"""Held-out frames: shares, whole stretches, no near-twins in training, and clear words for impossible wishes."""

import json
from pathlib import Path

import numpy as np
import pytest

from partnerface.errors import ConfigError
from partnerface.training.splits import make_splits, parse_split, parse_splits
from partnerface.training.unseen import (
    GUARD_S,
    MAX_GUARD,
    expression_features,
    nearest_distance,
    twin_distance,
    unseen_expression,
)

FPS = 25
BUMPS = ((4.0, 1), (9.0, 2), (14.0, 1))


def talking(seconds: float = 20.0, seed: int = 0, bumps: tuple[tuple[float, int], ...] = ()) -> tuple:
    """Times and expression curves: small smooth talk in six components, and rare large bumps (time, component)."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * FPS)) / FPS
    phase, rate = rng.uniform(0, 2 * np.pi, (6, 4)), rng.uniform(0.1, 0.8, (6, 4))
    curves = 0.25 * np.sin(2 * np.pi * rate * time_s[:, None, None] + phase).sum(-1)
    for centre, component in bumps:
        curves[:, component] += 4.0 * np.exp(-0.5 * ((time_s - centre) / 0.25) ** 2)
    return time_s, curves


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and last position of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


@pytest.mark.parametrize("text", ["tail:0.2", "last:350", "unseen-expression:0.15", "json:some/where.json"])
def test_a_way_reads_back_as_it_was_written(text: str) -> None:
    assert parse_split(text).text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("head:0.2", "unknown split 'head:0.2'"),
        ("tail", "needs a share between 0 and 1"),
        ("tail:1.5", "needs a share"),
        ("tail:nan", "needs a share"),
        ("unseen-expression:x", "needs a share"),
        ("last:0", "whole number"),
        ("last:2.5", "whole number"),
        ("json:", "names no file"),
    ],
)
def test_impossible_ways_are_one_line(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_split(text)
    assert "dataset.splits" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_way_or_one_twice() -> None:
    with pytest.raises(ConfigError, match="empty"):
        parse_splits([])
    with pytest.raises(ConfigError, match="twice"):
        parse_splits(["tail:0.1", "tail:0.2"])


def test_tail_and_last() -> None:
    time_s, curves = talking(8)
    frame = np.arange(200) + 3
    splits = make_splits(parse_splits(["tail:0.2", "last:10"]), frame, time_s, expression_features(curves))
    assert splits.names == ("tail", "last")
    assert np.flatnonzero(splits.heldout[0]).tolist() == list(range(160, 200))
    assert np.flatnonzero(splits.heldout[1]).tolist() == list(range(190, 200))
    assert np.flatnonzero(splits.train).tolist() == list(range(160))
    assert not splits.guard.any()


def test_json_uses_source_frame_numbers(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"smile": [5, 6, 7, 900], "blink": [20]}))
    time_s, curves = talking(4)
    frame = np.arange(100) * 2  # every other source frame was kept
    splits = make_splits(parse_splits([f"json:{path}"]), frame, time_s, expression_features(curves))
    assert splits.names == ("smile", "blink")
    assert frame[splits.heldout[0]].tolist() == [6]
    assert frame[splits.heldout[1]].tolist() == [20]
    assert splits.train.sum() == 98


@pytest.mark.parametrize("text", ["[1, 2]", "{}", '{"a": 3}', '{"a": [1.5]}', "not json"])
def test_a_useless_json_file_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    time_s, curves = talking(4)
    with pytest.raises(ConfigError, match=r"bad\.json"):
        make_splits(parse_splits([f"json:{path}"]), np.arange(100), time_s, expression_features(curves))


def test_a_missing_json_file_is_one_line(tmp_path: Path) -> None:
    time_s, curves = talking(4)
    with pytest.raises(ConfigError, match="cannot read"):
        make_splits(parse_splits([f"json:{tmp_path}/no.json"]), np.arange(100), time_s, expression_features(curves))


def test_unseen_takes_the_rare_expressions() -> None:
    time_s, curves = talking(bumps=BUMPS)
    found = unseen_expression(time_s, expression_features(curves), 0.2)
    for centre, _ in BUMPS:
        assert found.heldout[np.abs(time_s - centre) < 0.2].all(), centre
    assert 0.15 <= found.heldout.mean() <= 0.25
    assert all(last - first + 1 >= 0.9 * FPS for first, last in runs(found.heldout))


def test_a_rare_expression_is_found_though_it_is_made_twice() -> None:
    """Each copy is the other's nearest frame at distance 0, and still both lie far from the rest."""
    time_s, curves = talking(bumps=((4.0, 1),))
    curves[340:370] = curves[85:115]
    found = unseen_expression(time_s, expression_features(curves), 0.1)
    assert found.heldout[95:105].all()
    assert found.heldout[350:360].all()


@pytest.mark.parametrize("seed", range(4))
def test_no_training_frame_is_a_twin_of_a_held_out_one(seed: int) -> None:
    time_s, curves = talking(seed=seed, bumps=BUMPS)
    # A planted copy: the first bump's frames once more, bit by bit, at the end of the clip.
    features = expression_features(np.concatenate([curves[:-30], curves[85:115]]))
    found = unseen_expression(time_s, features, 0.2)
    train = ~found.heldout & ~found.guard
    assert found.guard.mean() < MAX_GUARD  # the cap is not what decides here
    far = np.sqrt(((features[found.heldout][:, None] - features[train]) ** 2).sum(-1)).min()
    assert far == pytest.approx(nearest_distance(features, train)[found.heldout].min(), rel=1e-4)
    assert far >= found.twin_distance * 0.999
    apart = np.abs(time_s[found.heldout][:, None] - time_s[train]).min()
    assert apart > GUARD_S


def test_the_guard_is_capped_nearest_first() -> None:
    """A clip that repeats itself every second is all twins: the guard stops at its share."""
    time_s = np.arange(500) / FPS
    phase = 2 * np.pi * time_s[:, None] * np.array([1.0, 2.0, 3.0])
    curves = np.concatenate([np.sin(phase), np.cos(phase)], axis=1)
    found = unseen_expression(time_s, expression_features(curves), 0.2)
    assert found.guard.mean() <= MAX_GUARD + 1e-9
    assert found.guard.any()


def test_features_weigh_small_parameters_like_large_ones() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(400, 1)), rng.normal(size=(400, 1))
    features = expression_features(a, 1e-3 * b)
    direct = expression_features(a, b)
    np.testing.assert_allclose(
        np.linalg.norm(features[0] - features[1:], axis=1), np.linalg.norm(direct[0] - direct[1:], axis=1), rtol=1e-6
    )
    assert np.isfinite(expression_features(np.zeros((10, 3)), np.zeros((10, 2)))).all()


def test_twin_distance_is_that_of_neighbours_in_time() -> None:
    time_s = np.arange(300) / 30
    ramp = np.stack([time_s, np.zeros_like(time_s)], axis=1)
    assert twin_distance(time_s, ramp) == pytest.approx(0.1)


def test_short_clips_and_odd_times() -> None:
    rng = np.random.default_rng(1)
    time_s = np.sort(rng.uniform(0, 2, 40))
    splits = make_splits(
        parse_splits(["tail:0.2", "unseen-expression:0.2"]), np.arange(40), time_s, rng.normal(size=(40, 4))
    )
    assert splits.heldout[1].any()
    assert splits.train.sum() >= 16  # guard bands do not eat up a clip of two seconds


def test_splits_join_into_one_training_set() -> None:
    time_s, curves = talking(bumps=BUMPS)
    specs = parse_splits(["tail:0.2", "unseen-expression:0.2"])
    splits = make_splits(specs, np.arange(len(time_s)), time_s, expression_features(curves))
    assert splits.heldout.shape == (2, len(time_s))
    assert not (splits.train & (splits.heldout.any(0) | splits.guard)).any()
    assert (splits.train | splits.guard | splits.heldout.any(0)).all()
    assert (splits.novelty[splits.train] == 0).all()
    assert (splits.novelty[splits.heldout[1]] >= 0.999).all()


def test_too_little_to_train_on_is_one_line() -> None:
    time_s, curves = talking(1.2)
    with pytest.raises(ConfigError, match=r"leave only 3 of 30 frames of d9\.mp4") as caught:
        make_splits(parse_splits(["tail:0.9"]), np.arange(30), time_s, expression_features(curves), "d9.mp4")
    assert "\n" not in str(caught.value)


def test_deterministic() -> None:
    time_s, curves = talking(bumps=BUMPS)
    features = expression_features(curves)
    first, second = (unseen_expression(time_s, features, 0.2) for _ in range(2))
    np.testing.assert_array_equal(first.heldout, second.heldout)
    np.testing.assert_array_equal(first.guard, second.guard)


def test_a_long_clip_is_thinned_for_the_search() -> None:
    time_s, curves = talking(seconds=240, bumps=((100.0, 1), (200.0, 2)))
    found = unseen_expression(time_s, expression_features(curves), 0.02)
    assert found.heldout[np.abs(time_s - 100) < 0.2].all()
    assert 0.01 <= found.heldout.mean() <= 0.03
