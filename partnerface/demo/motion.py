"""How the demo's head moves: smooth curves of time under FLAME's names, the same on every machine."""

from collections.abc import Callable

import numpy as np

from partnerface.head.model import HeadModel

FPS = 25.0
FRAMES = 360
NEW_PART = 0.8  # from this share of the clip on, expressions are combined as nowhere before
BLINKS_S = (1.1, 3.4, 5.2, 7.9, 8.25, 10.6, 12.9)
_SEED = 20240917


def _bump(time: np.ndarray, centre: float, rise: float, hold: float = 0.0, fall: float | None = None) -> np.ndarray:
    """0 → 1 → 0 with sine-squared flanks: `rise` s up, `hold` s at the top around `centre`, `fall` s down."""
    fall = rise if fall is None else fall
    before = np.clip((time - (centre - hold / 2 - rise)) / rise, 0, 1)
    after = np.clip(((centre + hold / 2 + fall) - time) / fall, 0, 1)
    return np.sin(np.pi / 2 * before) ** 2 * np.sin(np.pi / 2 * after) ** 2


def _wave(time: np.ndarray, *terms: tuple[float, float, float]) -> np.ndarray:
    """Sum of sines: (amplitude, period s, phase)."""
    return sum((a * np.sin(2 * np.pi * time / period + phase) for a, period, phase in terms), np.zeros_like(time))


def _speech(time: np.ndarray, spans: tuple[tuple[float, float], ...]) -> dict[str, np.ndarray]:
    """Syllables in the given stretches: how far the jaw opens (rad) and what the lips do meanwhile."""
    random = np.random.default_rng(_SEED)
    out = {
        name: np.zeros_like(time)
        for name in ("jaw", "pucker", "funnel", "lip_corner_wide", "lip_press", "lower_lip_down", "upper_lip_raise")
    }
    for start, stop in spans:
        at = start
        while at < stop:
            length = random.uniform(0.17, 0.30)
            vowel = random.integers(4)
            jaw = (0.20, 0.13, 0.09, 0.15)[vowel] * random.uniform(0.65, 1.15)
            pulse = _bump(time, at, length * 0.55)
            out["jaw"] += jaw * pulse
            for name, amounts in (
                ("pucker", (0.0, 1.0, 0.0, 0.2)),
                ("funnel", (0.1, 0.8, 0.0, 0.9)),
                ("lip_corner_wide", (0.1, 0.0, 0.8, 0.0)),
                ("lower_lip_down", (0.5, 0.2, 0.7, 0.3)),
                ("upper_lip_raise", (0.3, 0.1, 0.4, 0.2)),
            ):
                out[name] += amounts[vowel] * random.uniform(0.7, 1.2) * pulse
            if random.random() < 0.3:  # a consonant that closes the lips comes after
                out["lip_press"] += 0.9 * _bump(time, at + length * 0.75, 0.07)
                at += 0.09
            at += length + (random.uniform(0.25, 0.5) if random.random() < 0.12 else 0.0)
    return out


def _gaze(time: np.ndarray, head_yaw: np.ndarray, head_pitch: np.ndarray) -> np.ndarray:
    """(N, 2) pitch (down) and yaw of the eyes: mostly on the camera, with glances aside."""
    yaw, pitch = -0.75 * head_yaw, -0.6 * head_pitch
    for centre, length, to_left, down in (
        (2.2, 0.5, 0.28, 0.0), (4.5, 0.7, -0.30, 0.05), (6.6, 0.5, 0.10, -0.16),
        (8.9, 0.6, -0.12, 0.18), (11.3, 0.6, 0.24, -0.10),
    ):  # fmt: skip
        glance = _bump(time, centre, 0.07, length)
        yaw, pitch = yaw + to_left * glance, pitch + down * glance
    return np.clip(np.stack([pitch, yaw], 1), -0.42, 0.42)


def make_motion(head: HeadModel, frames: int = FRAMES) -> dict[str, np.ndarray]:
    """The parameters of every frame; `global_orient` is relative to a head that faces the camera (x, y, z radians,
    applied about the head's own axes) and `translation` relative to where the head rests.

    A clip of fewer frames is a shorter run through the same story: times are stretched, not cut.

    Returns:
        expression (N, E), global_orient, neck_pose, jaw_pose, translation (N, 3), eye_pose (N, 6), eyelids (N, 2).
    """
    time = np.arange(frames) / FPS * (FRAMES / frames)
    end = FRAMES / FPS
    new = NEW_PART * end
    names = head.expression_names
    expression = np.zeros((frames, len(names)))

    def add(name: str, values: np.ndarray) -> None:
        for full in (name,) if name in names else (f"{name}_left", f"{name}_right"):
            expression[:, names.index(full)] += values

    speech = _speech(time, ((0.9, 4.1), (5.7, 9.9), (12.6, 14.0)))
    jaw = speech.pop("jaw")
    for name, values in speech.items():
        add(name, values)
    at: Callable[..., np.ndarray] = lambda *timing: _bump(time, *timing)  # noqa: E731
    for name, amount, *timing in (
        # first the expressions one by one, over speech and pauses
        ("lip_corner_up", 1.3, 4.9, 0.35, 0.5), ("cheek_raise", 1.1, 4.9, 0.35, 0.5), ("squint", 0.6, 4.9, 0.35, 0.4),
        ("brow_inner_up", 1.2, 2.6, 0.2, 0.3), ("brow_outer_up", 1.2, 2.6, 0.2, 0.3), ("wide_eye", 0.7, 2.6, 0.2, 0.2),
        ("brow_down", 1.2, 7.1, 0.3, 0.6), ("nose_wrinkle", 0.7, 7.2, 0.3, 0.3),
        ("pucker", 1.4, 5.75, 0.2, 0.1), ("funnel", 0.8, 5.75, 0.2, 0.1),
        ("lip_corner_up_left", 1.5, 8.7, 0.3, 0.4), ("dimple_left", 0.7, 8.7, 0.3, 0.4),
        ("lip_corner_down", 1.1, 10.3, 0.3, 0.3), ("chin_raise", 0.9, 10.3, 0.3, 0.3),
        ("brow_inner_up", 0.9, 10.3, 0.3, 0.3),
        ("brow_outer_up_right", 1.4, 9.4, 0.25, 0.3), ("mouth_left", 0.8, 3.9, 0.25, 0.1),
        # then combinations that occur nowhere before
        ("lip_corner_up_right", 1.5, new + 0.65, 0.3, 0.4), ("brow_down_left", 1.2, new + 0.65, 0.3, 0.4),
        ("brow_outer_up_right", 1.3, new + 0.65, 0.3, 0.4), ("pucker", 1.3, new + 1.45, 0.2, 0.1),
        ("brow_inner_up", 1.3, new + 1.45, 0.25, 0.2), ("lip_corner_up", 1.4, new + 2.2, 0.3, 0.4),
        ("brow_down", 1.1, new + 2.2, 0.3, 0.3), ("mouth_left", -1.1, new + 1.5, 0.3, 0.1),
        ("cheek_puff", 1.0, new + 1.0, 0.2, 0.1),
    ):  # fmt: skip
        add(str(name), float(amount) * at(*timing))
    jaw = jaw + 0.22 * at(new + 0.65, 0.3, 0.3) + 0.08 * at(4.9, 0.35, 0.4) + 0.16 * at(new + 2.2, 0.3, 0.2)
    sideways = 0.05 * at(3.9, 0.25, 0.1) - 0.07 * at(new + 1.5, 0.3, 0.1)

    yaw = _wave(time, (0.25, 7.3, 0.4), (0.09, 3.1, 1.0))
    pitch = _wave(time, (0.10, 5.3, 1.1), (0.045, 1.9, 0.2))
    roll = _wave(time, (0.09, 6.1, 2.0), (0.04, 2.7, 0.0))
    gaze = _gaze(time, yaw, pitch)
    lids = sum((_bump(time, centre, 0.10, 0.04, 0.17) for centre in BLINKS_S), np.zeros(frames))
    # The upper lid goes along when the eye looks down.
    lids = np.clip(lids, 0, 1) + (1 - np.clip(lids, 0, 1)) * 0.7 * np.clip(gaze[:, 0], -0.1, 0.4)
    zero = np.zeros(frames)
    place = np.stack(
        [_wave(time, (0.010, 6.7, 0.3)), _wave(time, (0.006, 4.9, 1.3)), _wave(time, (0.015, 8.3, 0.8))], 1
    )
    return {
        "expression": expression,
        "global_orient": np.stack([pitch, yaw, roll], 1),
        "neck_pose": np.zeros((frames, 3)),
        "jaw_pose": np.stack([jaw, sideways, zero], 1),
        "eye_pose": np.stack([gaze[:, 0], gaze[:, 1], zero, gaze[:, 0], gaze[:, 1], zero], 1),
        "eyelids": np.stack([lids, lids], 1),
        "translation": place,
    }
