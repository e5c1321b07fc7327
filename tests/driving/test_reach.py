"""The soft limit: nothing within what was seen, a bend beyond, and what is said of it."""

import numpy as np
import pytest

from partnerface.driving.reach import LEAST, Reach
from partnerface.driving.transfer import away, onto
from tests.driving.motions import restless, some_neutral


def test_what_was_seen_passes_unchanged():
    motion, neutral = restless(50), some_neutral()
    relative = away(motion, neutral)
    limited = Reach.of(relative).limited(relative)
    for name, value in onto(limited, neutral).items():
        np.testing.assert_allclose(value, motion[name], atol=2e-6, err_msg=name)


def reach(low: float, high: float) -> Reach:
    names = away(restless(1), some_neutral())
    return Reach(
        {name: np.full(value.shape[1], low) for name, value in names.items()},
        {name: np.full(value.shape[1], high) for name, value in names.items()},
    )


def test_bends_by_hand():
    seen, names = reach(-1.0, 3.0), away(restless(1), some_neutral())
    relative = {name: np.full((4, value.shape[1]), 0.0) for name, value in names.items()}
    for value in relative.values():
        value[:] = np.array([0.5, 3.0, 5.0, -2.0])[:, None]
    out = seen.limited(relative, 0.5)["jaw_pose"][:, 0]
    # Seen is 4 wide, so 2 beyond is the limit: 3 + 2 tanh(1), -1 - 2 tanh(1/2).
    np.testing.assert_allclose(out, [0.5, 3.0, 3 + 2 * np.tanh(1), -1 - 2 * np.tanh(0.5)], atol=1e-12)
    np.testing.assert_allclose(seen.limited(relative, 0.0)["jaw_pose"][:, 0], [0.5, 3, 3, -1], atol=1e-12)
    far = {name: value * 1e6 for name, value in relative.items()}
    assert (seen.limited(far, 0.5)["expression"] <= 5.0 + 1e-9).all()


def test_who_never_moved_can_still_be_moved_a_little():
    relative = {name: value * 0 for name, value in away(restless(3), some_neutral()).items()}
    asked = {name: value + 10.0 for name, value in relative.items()}
    out = Reach.of(relative).limited(asked, 1.0)
    for name, least in LEAST.items():
        np.testing.assert_allclose(out[name], least, rtol=1e-6)


def test_says_what_was_taken_away():
    seen, names = reach(-1.0, 1.0), away(restless(1), some_neutral())
    relative = {name: np.zeros((10, value.shape[1])) for name, value in names.items()}
    relative["jaw_pose"][:3, 0] = 9.0
    relative["eye_pose"][2:4, 0] = 9.0
    share, said = seen.lost(relative, seen.limited(relative))
    assert share == pytest.approx(0.4)
    assert said == ["jaw_pose", "eye_pose"]
