"""Movements of a face by name: what `--edit smile=1` and the columns of a CSV mean for a head.

A name is one of the head's own expression components (at coefficient 1), such a component's name without `_left` or
`_right` for both sides, one of the words for joints below, one of ARKit's 52 blendshapes (at full, 1), or one of a few
whole expressions. All amounts are relative to the neutral, on a face of average size.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from partnerface.conventions import MOTION_NAMES
from partnerface.driving.neutral import Arrays

#: word → parts (parameter, column, amount at 1). Pitch is up, yaw to the subject's left, roll to the subject's right.
_DEGREE = math.pi / 180
JOINTS: dict[str, tuple[tuple[str, int, float], ...]] = {
    "jaw_open": (("jaw_pose", 0, 0.4),),
    "jaw_left": (("jaw_pose", 1, 0.12),),
    "blink": (("eyelids", 0, 1.0), ("eyelids", 1, 1.0)),
    "blink_left": (("eyelids", 0, 1.0),),
    "blink_right": (("eyelids", 1, 1.0),),
    "left_eye_pitch": (("eye_pose", 0, -_DEGREE),),
    "left_eye_yaw": (("eye_pose", 1, _DEGREE),),
    "right_eye_pitch": (("eye_pose", 3, -_DEGREE),),
    "right_eye_yaw": (("eye_pose", 4, _DEGREE),),
    "gaze_pitch": (("eye_pose", 0, -_DEGREE), ("eye_pose", 3, -_DEGREE)),
    "gaze_yaw": (("eye_pose", 1, _DEGREE), ("eye_pose", 4, _DEGREE)),
    "pitch": (("neck_pose", 0, -_DEGREE),),
    "yaw": (("neck_pose", 1, _DEGREE),),
    "roll": (("neck_pose", 2, _DEGREE),),
}
IN_DEGREES = tuple(name for name in JOINTS if name.endswith(("pitch", "yaw", "roll")))

#: Eyes turn so far at ARKit's 1, degrees sideways and up or down.
_ASIDE, _UP = 30.0, 25.0
#: ARKit's name without its side → the built-in head's movements without theirs, amount at 1. A coefficient of 1 of the
#: built-in head is a clear movement and no extreme one; ARKit's 1 is the most that a face does: 11 mm of a smile's
#: corner, 9 mm of a brow. For the side-less, both sides take part.
_SIDED: dict[str, dict[str, float]] = {
    "browDown": {"brow_down": 2.2},
    "browOuterUp": {"brow_outer_up": 2.6},
    "cheekSquint": {"cheek_raise": 2.0},
    "eyeBlink": {"blink": 1.0},
    "eyeSquint": {"squint": 1.6},
    "eyeWide": {"wide_eye": 1.6},
    "mouthDimple": {"dimple": 1.8},
    "mouthFrown": {"lip_corner_down": 2.5},
    "mouthLowerDown": {"lower_lip_down": 2.4},
    "mouthPress": {"lip_press": 1.8},
    "mouthSmile": {"lip_corner_up": 2.4},
    "mouthStretch": {"lip_corner_wide": 2.4},
    "mouthUpperUp": {"upper_lip_raise": 2.2},
    "noseSneer": {"nose_wrinkle": 2.2},
}
_WHOLE: dict[str, dict[str, float]] = {
    "browInnerUp": {"brow_inner_up": 2.6},
    "cheekPuff": {"cheek_puff": 2.5},
    "eyeLookDownLeft": {"left_eye_pitch": -_UP},
    "eyeLookDownRight": {"right_eye_pitch": -_UP},
    "eyeLookInLeft": {"left_eye_yaw": -_ASIDE},
    "eyeLookInRight": {"right_eye_yaw": _ASIDE},
    "eyeLookOutLeft": {"left_eye_yaw": _ASIDE},
    "eyeLookOutRight": {"right_eye_yaw": -_ASIDE},
    "eyeLookUpLeft": {"left_eye_pitch": _UP},
    "eyeLookUpRight": {"right_eye_pitch": _UP},
    "jawForward": {"jaw_forward": 2.0},
    "jawLeft": {"jaw_left": 1.0},
    "jawOpen": {"jaw_open": 1.0},
    "jawRight": {"jaw_left": -1.0},
    # Lips that stay together over a jaw that opens: 39 mm of a wide open one, 5 mm of the movement.
    "mouthClose": {"lips_toward": 7.5},
    "mouthFunnel": {"funnel": 2.2},
    "mouthLeft": {"mouth_left": 2.5},
    "mouthPucker": {"pucker": 2.2},
    "mouthRight": {"mouth_left": -2.5},
    "mouthRollLower": {"lower_lip_in": 2.0},
    "mouthRollUpper": {"upper_lip_in": 2.0},
    "mouthShrugLower": {"chin_raise": 2.2},
    "mouthShrugUpper": {"upper_lip_forward": 1.2, "upper_lip_raise": 0.6},
    "tongueOut": {"tongue_out": 1.0},
}
ARKIT: dict[str, dict[str, float]] = dict(
    sorted(
        {
            **{
                f"{name}{side}": {f"{part}_{side.lower()}": amount for part, amount in parts.items()}
                for name, parts in _SIDED.items()
                for side in ("Left", "Right")
            },
            **_WHOLE,
        }.items()
    )
)
#: Whole expressions, of ARKit's.
EXPRESSIONS: dict[str, dict[str, float]] = {
    "smile": {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4},
    "frown": {"mouthFrownLeft": 0.5, "mouthFrownRight": 0.5, "browDownLeft": 0.6, "browDownRight": 0.6},
    "surprise": {
        "browInnerUp": 0.8, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8, "eyeWideLeft": 0.7, "eyeWideRight": 0.7,
        "jawOpen": 0.3,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Movement:
    """One thing that a face can do: amounts at 1 by parameter of MOTION_NAMES and column."""

    amounts: Mapping[tuple[str, int], float]

    @classmethod
    def total(cls, parts: Iterable[tuple["Movement", float]]) -> "Movement":
        """The sum of movements, each so many times."""
        amounts: dict[tuple[str, int], float] = {}
        for movement, times in parts:
            for place, amount in movement.amounts.items():
                amounts[place] = amounts.get(place, 0.0) + times * amount
        return cls(amounts)


def vocabulary(expression_names: Sequence[str]) -> dict[str, Movement]:
    """Every name that a head with these expression components knows.

    ARKit's names and the whole expressions are there as far as the head has all the movements that they consist of.
    """
    known = {name: Movement({("expression", column): 1.0}) for column, name in enumerate(expression_names)}
    stems = [name.removesuffix("_left") for name in known if name.endswith("_left")]
    for stem in stems:
        sides = [known[f"{stem}{side}"] for side in ("_left", "_right") if f"{stem}{side}" in known]
        if stem not in known and len(sides) == 2:
            known[stem] = Movement.total((side, 1.0) for side in sides)
    known |= {
        name: Movement({(parameter, column): amount for parameter, column, amount in parts})
        for name, parts in JOINTS.items()
    }
    for table in (ARKIT, EXPRESSIONS):
        for name, parts in table.items():
            if all(part in known for part in parts):
                known[name] = Movement.total((known[part], amount) for part, amount in parts.items())
    return known


def find(known: Mapping[str, Movement], name: str) -> Movement | None:
    """The movement of a name; ARKit's may begin with a capital, as in files of Live Link Face."""
    return known.get(name) or known.get(name[:1].lower() + name[1:])


def played(movements: Sequence[Movement], values: np.ndarray, n_expression: int) -> Arrays:
    """The relative motion of T frames (see `transfer`).

    Args:
        movements: M of them.
        values: (T, M) how much of each.
        n_expression: E of the head.
    """
    widths = dict.fromkeys(MOTION_NAMES, 3) | {"expression": n_expression, "eye_pose": 6, "eyelids": 2}
    out = {name: np.zeros((len(values), widths[name])) for name in MOTION_NAMES}
    for movement, column in zip(movements, np.asarray(values, np.float64).T, strict=True):
        for (parameter, place), amount in movement.amounts.items():
            out[parameter][:, place] += amount * column
    return out
