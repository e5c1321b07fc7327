"""One person through the clip, and the square around the head."""

import numpy as np
import pytest

from partnerface.video.crop import head_square, hidden_share
from partnerface.video.extract import frame_rate
from partnerface.video.follow import alike_framing, choose, follow, link, overlap
from partnerface.video.survey import judge
from tests.video.seen import survey

BIG, SMALL = np.array([100.0, 100, 200, 200, 0.9]), np.array([400.0, 100, 440, 140, 0.99])


def shifted(box: np.ndarray, x: float) -> np.ndarray:
    return box + np.array([x, 0, x, 0, 0])


def test_overlap_by_hand() -> None:
    assert overlap(np.array([0, 0, 2, 2.0]), np.array([1, 0, 3, 2.0])) == pytest.approx(1 / 3)
    assert overlap(np.array([0, 0, 1, 1.0]), np.array([1, 0, 2, 1.0])) == 0


def followed(clip: list[np.ndarray], max_gap: int, at: tuple[float, float, int] | None = None) -> np.ndarray:
    tracks = link(clip, max_gap)
    return follow(tracks, choose(tracks, at), len(clip))[0]


def test_the_larger_face_is_followed_whatever_the_order() -> None:
    clip = [np.stack([SMALL, shifted(BIG, 3 * k)] if k % 2 else [shifted(BIG, 3 * k), SMALL]) for k in range(20)]
    np.testing.assert_allclose(followed(clip, max_gap=5)[:, 0], 100 + 3 * np.arange(20))


def test_the_face_at_a_place_is_followed() -> None:
    clip = [np.stack([SMALL, shifted(BIG, 3 * k)]) for k in range(20)]
    np.testing.assert_allclose(followed(clip, 5, at=(425, 115, 3))[:, 0], 400)
    # No face is near this place.
    assert choose(link(clip, 5), (900, 700, 3)) is None


def test_a_face_that_is_alone_for_a_moment_is_not_taken_for_the_person() -> None:
    clip = [BIG[None] if k < 12 or k > 16 else SMALL[None] for k in range(30)]
    boxes = followed(clip, max_gap=2)
    assert np.isnan(boxes[12:17]).all()
    assert np.isfinite(boxes[:12]).all()
    assert np.isfinite(boxes[17:]).all()
    status, _ = judge(survey(boxes), (0, 0, 480, 480), 0.35, None)
    assert status[11:18] == ["kept", *["other_person"] * 5, "kept"]


def test_the_person_is_found_again_after_a_gap() -> None:
    empty = np.zeros((0, 5))
    clip = [BIG[None]] * 10 + [empty] * 10 + [shifted(BIG, 120)[None]] * 10
    boxes = followed(clip, max_gap=3)
    assert np.isfinite(boxes[20:]).all()
    assert np.isnan(boxes[10:20]).all()


def looks(kind: int) -> np.ndarray:
    """A description: gradients along one of many axes, grey colours."""
    out = np.zeros(8 * 8 * 8 + 6 * 6 * 3, np.float32)
    out[kind] = 1
    return out


def test_people_who_cross_are_kept_apart_by_their_looks() -> None:
    # Two boxes of one size pass through each other: overlap alone would swap them.
    clip, seen = [], []
    for k in range(40):
        left, right = shifted(BIG, 10 * k), shifted(BIG, 400 - 10 * k)
        clip.append(np.stack([left, right]))
        seen.append(np.stack([looks(0), looks(1)]))
    tracks = link(clip, 5, seen)
    boxes, _ = follow(tracks, choose(tracks, (150, 150, 0)), 40)
    np.testing.assert_allclose(boxes[:, 0], 100 + 10 * np.arange(40))


def test_the_person_is_known_again_after_a_cut_and_a_stranger_is_not() -> None:
    shot = np.repeat([0, 1, 2], 10)
    clip = [BIG[None]] * 10 + [shifted(BIG, 30)[None]] * 20
    seen = [looks(0)[None]] * 10 + [looks(1)[None]] * 10 + [looks(0)[None]] * 10
    tracks = link(clip, 5, seen, shot)
    assert len(tracks) == 3
    boxes, _ = follow(tracks, choose(tracks), 30, shot)
    assert np.isfinite(boxes[:10]).all()
    assert np.isnan(boxes[10:20]).all()
    assert np.isfinite(boxes[20:]).all()


def test_shots_in_another_framing_are_left_out() -> None:
    shot = np.repeat([0, 1, 2], 10)
    near = np.array([100.0, 100, 300, 300])
    boxes = np.stack([BIG[:4]] * 10 + [near] * 10 + [BIG[:4] + 20] * 10)
    np.testing.assert_array_equal(alike_framing(boxes, shot), shot != 1)


def test_no_faces() -> None:
    clip = [np.zeros((0, 5))] * 3
    assert choose(link(clip, 2)) is None
    assert np.isnan(follow([], None, 3)[0]).all()


def test_the_square_holds_head_and_neck_steadily() -> None:
    boxes = np.stack([shifted(BIG, 2 * k)[:4] for k in range(20)])
    x0, y0, x1, y1 = head_square(boxes, 640, 480)
    assert x1 - x0 == y1 - y0
    assert all(value % 2 == 0 for value in (x0, y0, x1, y1))
    assert x0 >= 0
    assert y0 >= 0
    assert x1 <= 640
    assert y1 <= 480
    # Half a face above (hair) and below (neck), and the whole sway, lie inside.
    assert y0 <= 50
    assert y1 >= 250
    assert x0 <= 60
    assert x1 >= 280


def test_a_large_head_gets_the_largest_square_that_fits() -> None:
    boxes = np.array([[60.0, 500, 460, 900]])
    x0, y0, x1, y1 = head_square(boxes, 540, 1280)
    assert (x0, x1) == (0, 540)
    assert y1 - y0 == 540
    # Shoulders are given up before hair.
    assert 500 - y0 > y1 - 900 - 20


def test_one_wild_frame_does_not_move_the_square() -> None:
    boxes = np.tile(BIG[:4], (300, 1))
    calm = head_square(boxes, 1000, 1000)
    boxes[7] += 600
    assert head_square(boxes, 1000, 1000) == calm
    status, reason = judge(survey(boxes), calm, 0.35, None)
    assert status[7] == "out_of_frame"
    assert "outside the crop" in reason[7]


def test_hidden_share_by_hand() -> None:
    assert hidden_share(np.array([-5.0, 0, 5, 10]), (0, 0, 100, 100)) == pytest.approx(0.5)


def test_frame_rate_from_time_stamps() -> None:
    assert frame_rate(np.arange(50) / 30, 30.0) == 30.0
    assert frame_rate(np.arange(50) / 12.5, 25.0) == pytest.approx(12.5)
    assert frame_rate(np.array([0.0]), 24.0) == 24.0
