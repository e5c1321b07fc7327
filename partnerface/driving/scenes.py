"""Motions that nobody made: a camera that swings round a head at rest, an expression that comes and goes."""

import numpy as np

from partnerface.driving.neutral import Arrays, Neutral, matrices, vectors

#: The camera goes up and down by so much of what it goes to the sides.
RISE = 0.35


def orbit(relative: Arrays, neutral: Neutral, degrees: float, pivot: np.ndarray, root: np.ndarray) -> Arrays:
    """The motion of a head that is seen from a camera which goes round it once, `degrees` to either side.

    The camera stands still in our axes, so the whole person turns the other way.

    Args:
        relative: T frames to which the swing is added.
        neutral: of the avatar.
        degrees: how far to either side.
        pivot: (3,) what the camera looks at, camera axes, metres.
        root: (3,) the head model's first joint at rest, metres: what `global_orient` turns about.
    """
    frames = len(relative["expression"])
    phase = 2 * np.pi * np.arange(frames) / frames
    yaw, pitch = np.radians(degrees) * np.sin(phase), RISE * np.radians(degrees) * np.sin(2 * phase) / 2
    swing = matrices(np.stack([np.zeros(frames), yaw, np.zeros(frames)], 1))
    swing = matrices(np.stack([pitch, np.zeros(frames), np.zeros(frames)], 1)) @ swing
    torso = matrices(neutral.values["global_orient"])
    turned = torso.T @ swing @ torso @ matrices(relative["global_orient"])
    place = neutral.values["translation"] + relative["translation"] * neutral.size
    moved = (swing @ (place + root - pivot)[..., None])[..., 0] + pivot - root
    return relative | {
        "global_orient": vectors(turned),
        "translation": (moved - neutral.values["translation"]) / neutral.size,
    }


def come_and_go(relative: Arrays, frames: int) -> Arrays:
    """One frame's relative motion (1, .) as `frames` in which it comes, stays and goes, softly."""
    phase = np.linspace(0, 1, frames)
    share = np.clip(np.minimum(phase, 1 - phase) / 0.35, 0, 1)
    share = share * share * (3 - 2 * share)
    return {name: share[:, None] * value for name, value in relative.items()}
