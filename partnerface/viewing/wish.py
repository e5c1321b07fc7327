"""What a page asks for, checked value by value: nothing that comes over the wire is trusted."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from partnerface.viewing.controls import Control

#: Longer edge of the pictures, px, from the answer at once to the finest.
LEVELS = (96, 128, 256, 512)
BACKGROUNDS = ("own", "white", "grey", "black")
_VIEWER = re.compile(r"[A-Za-z0-9-]{1,40}")


class WishError(ValueError):
    """A message that no page of ours sends."""


@dataclass(frozen=True)
class View:
    """A virtual camera: degrees that it went round the head, enlargement, and shift in picture widths."""

    turn: float = 0.0
    lift: float = 0.0
    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0


#: Lowest and highest value of each field of a View.
VIEW_REACH = {"turn": (-180.0, 180.0), "lift": (-80.0, 80.0), "zoom": (0.4, 8.0), "x": (-4.0, 4.0), "y": (-4.0, 4.0)}


@dataclass(frozen=True)
class Wish:
    """One picture that a page asks for.

    Attributes:
        viewer: the page that asks; its newer wishes take the place of older ones.
        size: longer edge, px, one of LEVELS.
        frame: of the clip; None for the neutral frame.
        changes: sliders that were moved, by key, in their units.
        view: the camera.
        overlay: opacity of the parts' colours.
        muted: parts that are switched off.
        background: one of BACKGROUNDS.
    """

    viewer: str
    size: int
    frame: int | None = None
    changes: dict[str, float] = field(default_factory=dict)
    view: View = View()
    overlay: float = 0.0
    muted: frozenset[int] = frozenset()
    background: str = "own"


def read_wish(message: bytes, listed: Sequence[Control], frames: int, parts: int) -> Wish:
    """Check a message.

    Args:
        message: JSON.
        listed: the sliders that there are.
        frames: of the clip, 0 without one.
        parts: of the avatar.

    Raises:
        WishError: something is not what it may be; says what.
    """
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        raise WishError("the message is no JSON") from None
    if not isinstance(value, dict):
        raise WishError("the message is no object")
    unknown = set(value) - {"viewer", "size", "frame", "changes", "view", "overlay", "muted", "background"}
    if unknown:
        raise WishError("the message has unknown keys")
    viewer, size, frame = value.get("viewer"), value.get("size"), value.get("frame")
    if not isinstance(viewer, str) or not _VIEWER.fullmatch(viewer):
        raise WishError("viewer is no name")
    if type(size) is not int or size not in LEVELS:
        raise WishError(f"size is none of {LEVELS}")
    if frame is not None and (type(frame) is not int or not 0 <= frame < frames):
        raise WishError(f"frame is not from 0 to {frames - 1}")
    muted = value.get("muted", [])
    if not isinstance(muted, list) or any(type(part) is not int or not 0 <= part < parts for part in muted):
        raise WishError(f"muted holds something else than parts from 0 to {parts - 1}")
    background = value.get("background", "own")
    if background not in BACKGROUNDS:
        raise WishError(f"background is none of {BACKGROUNDS}")
    reaches = {one.key: (one.low, one.high) for one in listed}
    view = _numbers(value.get("view", {}), VIEW_REACH, "view")
    changes = _numbers(value.get("changes", {}), reaches, "changes")
    overlay = _numbers({"overlay": value.get("overlay", 0.0)}, {"overlay": (0.0, 1.0)}, "overlay")["overlay"]
    return Wish(viewer, size, frame, changes, View(**view), overlay, frozenset(muted), background)


def _numbers(values: Any, reaches: dict[str, tuple[float, float]], where: str) -> dict[str, float]:
    """Numbers by known names, brought into what is allowed for each."""
    if not isinstance(values, dict):
        raise WishError(f"{where} is no object")
    out = {}
    for name, value in values.items():
        if name not in reaches:
            raise WishError(f"{where} has an unknown name")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WishError(f"{where}: {name} is no number")
        low, high = reaches[name]
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise WishError(f"{where}: {name} is no finite number")
        out[name] = min(max(number, low), high)
    return out
