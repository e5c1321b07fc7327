"""A camera that swings round, and an expression that comes and goes."""

import numpy as np

from partnerface.driving.neutral import Neutral, matrices
from partnerface.driving.scenes import come_and_go, orbit
from partnerface.driving.transfer import at_rest, onto
from tests.driving.motions import some_neutral, still


def test_the_middle_of_the_head_stays_and_the_camera_goes_to_both_sides():
    neutral = some_neutral(1, 0.9)
    root, pivot = np.array([0.0, -0.15, 0.0]), np.array([0.02, -0.05, 0.65])
    frames = 40
    motion = onto(orbit(at_rest(neutral, frames), neutral, 30.0, pivot, root), neutral)
    start = onto(at_rest(neutral, 1), neutral)
    # The place on the head that is at the pivot in the first frame; of the skinning, x = R (v - root) + root + t.
    turn = matrices(start["global_orient"][0])
    place = turn.T @ (pivot - root - start["translation"][0]) + root
    seen = (matrices(motion["global_orient"]) @ (place - root)[:, None])[..., 0] + root + motion["translation"]
    np.testing.assert_allclose(seen, np.tile(pivot, (frames, 1)), atol=1e-6)
    swing = matrices(motion["global_orient"]) @ turn.T
    angle = np.degrees(np.arctan2(swing[:, 0, 2], swing[:, 0, 0]))
    np.testing.assert_allclose([angle.min(), angle.max()], [-30, 30], atol=0.5)
    np.testing.assert_allclose(swing[0], np.eye(3), atol=1e-6)


def test_a_still_neutral_seen_without_swing_is_itself():
    neutral = Neutral({name: value[0] for name, value in still(1).items()}, 1.0)
    out = orbit(at_rest(neutral, 3), neutral, 0.0, np.array([0, 0, 0.6]), np.zeros(3))
    for value in out.values():
        np.testing.assert_allclose(value, 0, atol=1e-12)


def test_comes_and_goes():
    shares = come_and_go({"jaw_pose": np.array([[2.0]])}, 101)["jaw_pose"][:, 0]
    assert shares[0] == shares[-1] == 0
    assert shares[50] == 2
    np.testing.assert_allclose(shares, shares[::-1], atol=1e-12)
    assert (np.diff(shares[:51]) >= 0).all()
