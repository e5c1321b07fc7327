"""One person through the clip, and the square around the head."""

import numpy as np
import pytest

from partnerface.errors import InputError
from partnerface.video.crop import head_square, hidden_share
from partnerface.video.extract import frame_rate, stored_size
from partnerface.video.follow import follow, overlap
from partnerface.video.survey import judge, require_enough

BIG, SMALL = np.array([100.0, 100, 200, 200, 0.9]), np.array([400.0, 100, 440, 140, 0.99])


def shifted(box: np.ndarray, x: float) -> np.ndarray:
    return box + np.array([x, 0, x, 0, 0])


def test_overlap_by_hand() -> None:
    assert overlap(np.array([0, 0, 2, 2.0]), np.array([1, 0, 3, 2.0])) == pytest.approx(1 / 3)
    assert overlap(np.array([0, 0, 1, 1.0]), np.array([1, 0, 2, 1.0])) == 0


def test_the_larger_face_is_followed_whatever_the_order() -> None:
    clip = [np.stack([SMALL, shifted(BIG, 3 * k)] if k % 2 else [shifted(BIG, 3 * k), SMALL]) for k in range(20)]
    boxes = follow(clip, max_gap=5)
    np.testing.assert_allclose(boxes[:, 0], 100 + 3 * np.arange(20))


def test_a_face_that_is_alone_for_a_moment_is_not_taken_for_the_person() -> None:
    clip = [BIG[None] if k < 12 or k > 16 else SMALL[None] for k in range(30)]
    boxes = follow(clip, max_gap=2)
    assert np.isnan(boxes[12:17]).all()
    assert np.isfinite(boxes[:12]).all()
    assert np.isfinite(boxes[17:]).all()
    status, _ = judge(boxes, np.ones(30, int), (0, 0, 480, 480))
    assert status[11:18] == ["kept", *["other_person"] * 5, "kept"]


def test_the_person_is_found_again_after_a_gap() -> None:
    empty = np.zeros((0, 5))
    clip = [BIG[None]] * 10 + [empty] * 10 + [shifted(BIG, 120)[None]] * 10
    boxes = follow(clip, max_gap=3)
    assert np.isfinite(boxes[20:]).all()
    assert np.isnan(boxes[10:20]).all()


def test_no_faces() -> None:
    assert np.isnan(follow([np.zeros((0, 5))] * 3, max_gap=2)).all()


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
    status, reason = judge(boxes, np.ones(300, int), calm)
    assert status[7] == "out_of_frame"
    assert "outside the crop" in reason[7]


def test_hidden_share_by_hand() -> None:
    assert hidden_share(np.array([-5.0, 0, 5, 10]), (0, 0, 100, 100)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (["kept"] * 10, "10 of 10 frames can be used, at least 24"),
        (["kept"] * 30 + ["no_face"] * 40, r"30 of 70 frames can be used \(40 without a face\), at least 50%"),
    ],
)
def test_too_few_frames(status: list[str], words: str, tmp_path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        require_enough(tmp_path / "clip.mp4", status, 24, 0.5)
    assert "\n" not in str(caught.value)


def test_enough_frames(tmp_path) -> None:
    require_enough(tmp_path / "clip.mp4", ["kept"] * 30 + ["no_face"] * 30, 24, 0.5)


def test_nothing_is_enlarged() -> None:
    assert stored_size((0, 0, 300, 300), 512) == 300
    assert stored_size((0, 0, 900, 900), 512) == 512


def test_frame_rate_from_time_stamps() -> None:
    assert frame_rate(np.arange(50) / 30, 30.0) == 30.0
    assert frame_rate(np.arange(50) / 12.5, 25.0) == pytest.approx(12.5)
    assert frame_rate(np.array([0.0]), 24.0) == 24.0
