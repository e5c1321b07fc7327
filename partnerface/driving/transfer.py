"""Motion relative to a neutral: taken from one person, put on another.

A relative motion has the names and shapes of MOTION_NAMES, and is zero at the neutral:

| name | relative |
|---|---|
| `expression`, `translation` | difference over the size of the face; axes of the camera |
| `jaw_pose` | difference |
| `eyelids` | of the way from the neutral to closed, so that closed is closed on both; wider than neutral: difference |
| `global_orient`, `neck_pose`, `eye_pose` | rotation vector of R_neutral^T R, in the person's own axes |

All of it is small where a head faces the camera, so that it can be interpolated, scaled and limited number by number.
"""

import numpy as np

from partnerface.conventions import FACING_CAMERA, MOTION_NAMES
from partnerface.driving.neutral import Arrays, Neutral, matrices, vectors

POSE_NAMES = ("global_orient", "neck_pose", "translation")
_EYES = (slice(0, 3), slice(3, 6))
#: Gaps without a face are bridged over so many seconds; what is longer holds the last motion until then.
LONGEST_BRIDGE_S = 0.5


def away(motion: Arrays, neutral: Neutral) -> Arrays:
    """Motion of T frames relative to the neutral."""
    motion, rest = {name: np.asarray(motion[name], np.float64) for name in MOTION_NAMES}, neutral.values
    out = {name: (motion[name] - rest[name]) / neutral.size for name in ("expression", "translation")}
    out["jaw_pose"] = motion["jaw_pose"] - rest["jaw_pose"]
    lowered = motion["eyelids"] - rest["eyelids"]
    out["eyelids"] = np.where(lowered > 0, lowered / _room(rest["eyelids"]), lowered)
    for name in ("global_orient", "neck_pose"):
        out[name] = _turned(motion[name], rest[name])
    out["eye_pose"] = _each_eye(lambda eye: _turned(motion["eye_pose"][:, eye], rest["eye_pose"][eye]))
    return {name: out[name] for name in MOTION_NAMES}


def onto(relative: Arrays, neutral: Neutral) -> Arrays:
    """The inverse of `away`, for any neutral: the motion (float32) of the person whose neutral it is."""
    rest = neutral.values
    out = {name: rest[name] + relative[name] * neutral.size for name in ("expression", "translation")}
    out["jaw_pose"] = rest["jaw_pose"] + relative["jaw_pose"]
    lids = relative["eyelids"]
    out["eyelids"] = rest["eyelids"] + np.where(lids > 0, lids * _room(rest["eyelids"]), lids)
    out["global_orient"] = vectors(matrices(rest["global_orient"]) @ matrices(relative["global_orient"]), FACING_CAMERA)
    out["neck_pose"] = vectors(matrices(rest["neck_pose"]) @ matrices(relative["neck_pose"]))
    out["eye_pose"] = _each_eye(
        lambda eye: vectors(matrices(rest["eye_pose"][eye]) @ matrices(relative["eye_pose"][:, eye]))
    )
    return {name: out[name].astype(np.float32) for name in MOTION_NAMES}


def at_rest(neutral: Neutral, frames: int) -> Arrays:
    """The relative motion of nothing: zeros for T frames."""
    return {name: np.zeros((frames, len(value))) for name, value in neutral.values.items()}


def head_turn(pose: Arrays, neutral: Neutral) -> np.ndarray:
    """(T, 3, 3) turn of the head, torso's and neck's together, in the axes of the neutral head."""
    neck = matrices(neutral.values["neck_pose"])
    return neck.T @ matrices(pose["global_orient"]) @ neck @ matrices(pose["neck_pose"])


def with_pose(relative: Arrays, driver: Neutral, pose: Arrays, avatar: Neutral) -> Arrays:
    """The relative motion with another motion of the head, the eyes looking where they looked.

    Eyes mostly hold something while the head turns; on a head that turns otherwise the same eyes would wander about.

    Args:
        relative: the driver's motion of T frames.
        driver, avatar: the neutrals.
        pose: POSE_NAMES of T frames, relative to the avatar's neutral.
    """
    before, after = head_turn(relative, driver), head_turn(pose, avatar)

    def look(eye: slice) -> np.ndarray:
        own, other = matrices(driver.values["eye_pose"][eye]), matrices(avatar.values["eye_pose"][eye])
        seen = own.T @ before @ own @ matrices(relative["eye_pose"][:, eye])
        return vectors(other.T @ after.transpose(0, 2, 1) @ other @ seen)

    return relative | {name: pose[name] for name in POSE_NAMES} | {"eye_pose": _each_eye(look)}


def resample(relative: Arrays, time_s: np.ndarray, ticks: np.ndarray) -> Arrays:
    """A relative motion at other times: between frames a straight line, before the first and after the last held.

    Args:
        relative: of T frames.
        time_s: (T,) when they were, growing.
        ticks: (N,) wanted times.
    """
    gaps = np.flatnonzero(np.diff(time_s) > LONGEST_BRIDGE_S)
    knots = np.insert(time_s, gaps + 1, time_s[gaps + 1] - LONGEST_BRIDGE_S)
    row = np.insert(np.arange(len(time_s)), gaps + 1, gaps)
    return {
        name: np.stack([np.interp(ticks, knots, column) for column in values[row].T], axis=1)
        for name, values in relative.items()
    }


def _room(lids: np.ndarray) -> np.ndarray:
    """How far the lids can still close."""
    return np.maximum(1 - lids, 0.05)


def _turned(axis_angle: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return vectors(matrices(rest).T @ matrices(axis_angle))


def _each_eye(take) -> np.ndarray:
    return np.concatenate([take(eye) for eye in _EYES], axis=1)
