"""The sliders of an avatar: what each is called, what it moves, and from where to where."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from partnerface.avatar.motion import Motion
from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.viewing.known import Known

DEGREE = math.pi / 180
HEAD, FURTHER = "Head", "Further components"

#: Groups of named expression components, the most useful first; `_left` and `_right` follow from the head.
GROUPS = {
    "Mouth": (
        "lip_corner_up", "lip_corner_wide", "lip_corner_down", "pucker", "funnel", "lip_press", "lips_toward",
        "upper_lip_raise", "lower_lip_down", "mouth_left", "dimple", "jaw_forward", "chin_raise", "upper_lip_in",
        "lower_lip_in", "upper_lip_forward", "lower_lip_forward", "tongue_out",
    ),
    "Eyes": ("wide_eye", "squint"),
    "Brows": ("brow_inner_up", "brow_outer_up", "brow_down"),
    "Cheeks and nose": ("cheek_raise", "cheek_puff", "nose_wrinkle", "nostril_flare"),
}  # fmt: skip
SIDES = ("left", "right")


@dataclass(frozen=True)
class Control:
    """One slider.

    Attributes:
        key: its name in messages.
        label, group, hint: for the page. hint says which way is positive, where that isn't plain.
        low, high, step: of the slider, in `unit`s ("" or "°").
        neutral: its value in the neutral frame. seen: from where to where training saw it move.
        side: "left", "right" or None; stem: what the two sides share.
        name, columns: which numbers of a Motion it sets, all to the same; name `head` is the head's rotation.
        scale: their unit (radians or 1) per unit of the slider.
    """

    key: str
    label: str
    group: str
    hint: str
    low: float
    high: float
    step: float
    unit: str
    neutral: float
    seen: tuple[float, float]
    side: str | None
    stem: str
    name: str
    columns: tuple[int, ...]
    scale: float


def controls(known: Known, names: Sequence[str]) -> list[Control]:
    """The sliders in the page's order.

    Args:
        known: of the avatar.
        names: one per expression component.
    """
    degrees = {"unit": "°", "step": 0.5}
    share = {"unit": "", "step": 0.01, "low": 0.0, "high": 1.0}
    angle = {"jaw_pose": "Mouth", "eye_pose": "Eyes", "head": HEAD}
    made: list[Control] = []

    def add(key: str, label: str, name: str, columns: tuple[int, ...], sign: int, reach: tuple[float, float], hint=""):
        made.append(
            _control(
                key,
                label,
                angle[name],
                name,
                columns,
                sign * DEGREE,
                known,
                hint=hint,
                low=reach[0],
                high=reach[1],
                **degrees,
            )
        )

    add("jaw_open", "Jaw open", "jaw_pose", (0,), 1, (-5, 30))
    add("jaw_left", "Jaw sideways", "jaw_pose", (1,), 1, (-12, 12), "positive: to the subject's left")
    groups = {stem: group for group, stems in GROUPS.items() for stem in stems}
    order = {stem: i for i, stem in enumerate(groups)}
    listed = sorted(range(len(names)), key=lambda i: order.get(_stem(names[i])[0], len(order)))
    expressions = [_expression(known, names[i], i, groups) for i in listed]
    made += [one for one in expressions if one.group == "Mouth"]
    add("gaze_up", "Gaze up", "eye_pose", (0, 3), -1, (-25, 25))
    add("gaze_left", "Gaze sideways", "eye_pose", (1, 4), 1, (-35, 35), "positive: to the subject's left")
    for column, side in enumerate(SIDES):
        made.append(
            _control(
                f"lid_{side}",
                "Eyelid",
                "Eyes",
                "eyelids",
                (column,),
                1.0,
                known,
                side=side,
                stem="lid",
                hint="0 open, 1 closed",
                **share,
            )
        )
    for group in ("Eyes", "Brows", "Cheeks and nose"):
        made += [one for one in expressions if one.group == group]
    add("head_left", "Turn", "head", (1,), -1, (-60, 60), "positive: to the subject's left")
    add("head_up", "Lift", "head", (0,), -1, (-40, 40))
    add("head_tilt", "Tilt", "head", (2,), 1, (-40, 40), "positive: towards the subject's left")
    return made + [one for one in expressions if one.group == FURTHER]


def _control(
    key: str,
    label: str,
    group: str,
    name: str,
    columns: tuple[int, ...],
    scale: float,
    known: Known,
    *,
    low: float,
    high: float,
    step: float,
    unit: str,
    hint: str = "",
    side: str | None = None,
    stem: str = "",
) -> Control:
    ends = sorted((known.seen[name][list(columns)].mean(0) / scale).tolist())
    seen = (max(ends[0], low), min(ends[1], high))
    made = Control(key, label, group, hint, low, high, step, unit, 0.0, seen, side, stem or key, name, columns, scale)
    return replace(made, neutral=float(values(known.neutral, [made])[0, 0]))


def _expression(known: Known, name: str, index: int, groups: Mapping[str, str]) -> Control:
    stem, side = _stem(name)
    # As far as training saw it and half as far again, at least a clear movement to both sides.
    low, high = (known.seen["expression"][index] * 1.5).tolist()
    low, high = math.floor(2 * min(low, -1.0)) / 2, math.ceil(2 * max(high, 1.0)) / 2
    label = stem.replace("_", " ").capitalize()
    return _control(
        name,
        label,
        groups.get(stem, FURTHER),
        "expression",
        (index,),
        1.0,
        known,
        low=low,
        high=high,
        step=0.01,
        unit="",
        side=side,
        stem=stem,
    )


def _stem(name: str) -> tuple[str, str | None]:
    """`squint_left` → `squint`, `left`; `mouth_left` is no side of anything."""
    stem, _, side = name.rpartition("_")
    one_sided = any(name in stems for stems in GROUPS.values())
    return (stem, side) if side in SIDES and not one_sided else (name, None)


def _head(motion: Motion) -> Tensor:
    """(T, 3) rotation vectors of the head away from facing the camera, radians."""
    return motion.pose_features()[:, :3]


def values(motion: Motion, listed: Sequence[Control]) -> Tensor:
    """(T, C) where the sliders stand in a motion's frames."""
    head = _head(motion)
    sources = [head if one.name == "head" else getattr(motion, one.name) for one in listed]
    return torch.stack([s[:, list(c.columns)].mean(1) / c.scale for s, c in zip(sources, listed, strict=True)], dim=1)


def moved(motion: Motion, listed: Sequence[Control], changes: Mapping[str, float], neck_turns: bool) -> Motion:
    """One frame with some sliders moved; what they don't say stays as it is.

    Args:
        motion: one frame.
        listed: all sliders.
        changes: value by key.
        neck_turns: whether the head is turned by its neck.
    """
    out = {name: value.clone() for name, value in vars(motion).items()}
    head, turned = _head(motion).clone(), False
    for one in listed:
        if one.key in changes:
            turned |= one.name == "head"
            target = head if one.name == "head" else out[one.name]
            target[:, list(one.columns)] = changes[one.key] * one.scale
    if turned:
        whole = axis_angle_to_matrix(head) @ axis_angle_to_matrix(torch.tensor(FACING_CAMERA))
        if neck_turns:
            orient = axis_angle_to_matrix(motion.global_orient)
            out["neck_pose"] = matrix_to_axis_angle(orient.transpose(1, 2) @ whole)
        else:
            neck = axis_angle_to_matrix(motion.neck_pose)
            out["global_orient"] = matrix_to_axis_angle(whole @ neck.transpose(1, 2))
    return Motion(**out)
