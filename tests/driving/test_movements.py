"""What names mean: sides, directions, ARKit's table; seen on the posed built-in head in camera axes."""

import numpy as np
import pytest

from partnerface.driving.movements import ARKIT, JOINTS, find, played, vocabulary
from partnerface.driving.neutral import Neutral
from partnerface.driving.transfer import onto
from partnerface.head.builtin import builtin_head
from partnerface.head.points import (
    LEFT_EYE_OPENING,
    LEFT_IRIS,
    MOUTH_CORNERS,
    MOUTH_OPENING,
    NOSE_RIDGE,
    RIGHT_EYE_OPENING,
    RIGHT_IRIS,
)
from partnerface.head.posing import posed_landmarks
from tests.driving.motions import still

HEAD = builtin_head()
KNOWN = vocabulary(HEAD.expression_names)
NEUTRAL = Neutral({name: value[0] for name, value in still(1, HEAD.n_expression).items()}, 1.0)
NOSE_TIP = NOSE_RIDGE[-1]
RIGHT_CORNER, LEFT_CORNER = MOUTH_CORNERS


def landmarks(**values: float) -> np.ndarray:
    """(478, 3) mm, camera axes, of a head that does this."""
    relative = played([KNOWN[name] for name in values], np.array([list(values.values())]), HEAD.n_expression)
    return 1000 * posed_landmarks(HEAD, onto(relative, NEUTRAL) | {"shape": np.zeros(HEAD.n_shape, np.float32)})[0]


def opening(points: np.ndarray, pairs) -> float:
    return float(np.mean([np.linalg.norm(points[a] - points[b]) for a, b in pairs]))


REST = landmarks()


def test_the_subjects_left_is_to_the_right_of_the_picture():
    assert REST[LEFT_CORNER, 0] > 0 > REST[RIGHT_CORNER, 0]


@pytest.mark.parametrize(
    ("name", "amount", "point", "axis", "sign"),
    [
        ("yaw", 20, NOSE_TIP, 0, +1),
        ("pitch", 20, NOSE_TIP, 1, -1),
        ("roll", 20, LEFT_CORNER, 1, -1),
        ("gaze_yaw", 20, LEFT_IRIS[0], 0, +1),
        ("gaze_yaw", 20, RIGHT_IRIS[0], 0, +1),
        ("gaze_pitch", 15, LEFT_IRIS[0], 1, -1),
        ("jaw_left", 1, 17, 0, +1),
        ("jaw_open", 1, 17, 1, +1),
        ("eyeLookOutLeft", 1, LEFT_IRIS[0], 0, +1),
        ("eyeLookInLeft", 1, LEFT_IRIS[0], 0, -1),
        ("eyeLookInRight", 1, RIGHT_IRIS[0], 0, +1),
        ("eyeLookUpRight", 1, RIGHT_IRIS[0], 1, -1),
        ("eyeLookDownRight", 1, RIGHT_IRIS[0], 1, +1),
        ("mouthLeft", 1, LEFT_CORNER, 0, +1),
        ("mouthRight", 1, RIGHT_CORNER, 0, -1),
        ("jawRight", 1, 17, 0, -1),
        ("mouthSmileLeft", 1, LEFT_CORNER, 1, -1),
        ("mouthFrownRight", 1, RIGHT_CORNER, 1, +1),
        ("browInnerUp", 1, 55, 1, -1),
        ("browDownLeft", 1, 285, 1, +1),
    ],
)
def test_directions(name, amount, point, axis, sign):
    moved = landmarks(**{name: amount}) - REST
    assert sign * moved[point, axis] > 1.0, "at least a millimetre"


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_sides_stay_on_their_side(side):
    own, other = (LEFT_EYE_OPENING, RIGHT_EYE_OPENING) if side == "Left" else (RIGHT_EYE_OPENING, LEFT_EYE_OPENING)
    winked = landmarks(**{f"eyeBlink{side}": 1})
    assert opening(winked, own) < 0.2 * opening(REST, own)
    assert opening(winked, other) == pytest.approx(opening(REST, other), abs=0.01)
    corner, quiet = (LEFT_CORNER, RIGHT_CORNER) if side == "Left" else (RIGHT_CORNER, LEFT_CORNER)
    smiled = np.linalg.norm(landmarks(**{f"mouthSmile{side}": 1}) - REST, axis=1)
    assert smiled[corner] > 8
    assert smiled[quiet] < 0.5


def test_arkit_is_whole_on_the_built_in_head():
    assert len(ARKIT) == 52
    assert set(ARKIT) <= set(KNOWN)
    for name in ARKIT:
        if name.endswith("Left") and name not in ("jawLeft", "mouthLeft"):
            other = name.removesuffix("Left") + "Right"
            assert sorted(map(abs, ARKIT[name].values())) == sorted(map(abs, ARKIT[other].values()))


def test_arkit_has_the_names_that_mediapipe_gives():
    pytest.importorskip("mediapipe")
    from partnerface.landmarks.task import _names

    assert set(_names()) - {"_neutral"} == set(ARKIT) - {"tongueOut"}


def test_lips_can_stay_together_over_an_open_jaw():
    apart = opening(landmarks(jawOpen=0.15), MOUTH_OPENING)
    assert apart > 5
    assert opening(landmarks(jawOpen=0.15, mouthClose=0.15), MOUTH_OPENING) < 0.3 * apart


def test_names():
    assert find(KNOWN, "JawOpen") is KNOWN["jawOpen"], "as Live Link Face writes it"
    assert find(KNOWN, "Jaw_Open") is None
    both = KNOWN["lip_corner_up"].amounts
    assert len(both) == 2
    assert set(both.values()) == {1.0}
    assert KNOWN["mouth_left"].amounts == {("expression", HEAD.expression_index("mouth_left")): 1.0}


def test_a_head_without_these_components_knows_its_own_and_the_joints():
    known = vocabulary(("up", "side_left", "side_right"))
    assert {"up", "side_left", "side", *JOINTS, "jawOpen", "eyeBlinkLeft"} <= set(known)
    assert not {"mouthSmileLeft", "smile"} & set(known)


def test_played_adds_up():
    out = played([KNOWN["jaw_open"], KNOWN["jawOpen"]], np.array([[0.5, 0.25], [0, 1]]), HEAD.n_expression)
    np.testing.assert_allclose(out["jaw_pose"][:, 0], [0.3, 0.4])
