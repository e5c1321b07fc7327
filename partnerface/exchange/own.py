"""The key `partnerface` that our exports add to a format's JSON: what the format itself has no room for."""

import re
from collections.abc import Mapping
from typing import Any

from partnerface.errors import InputError

KEY = "partnerface"


def head_of(data: Mapping[str, Any], usual: str) -> str:
    """The head model that a file's codes belong to: the one that our export named, else the format's usual one."""
    name = _own(data).get("head", usual)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise InputError(f"{KEY}.head is {str(name)[:40]!r}, no name of a head model")
    return name


def fps_of(data: Mapping[str, Any]) -> float | None:
    """Frames per second that our export wrote, if it was ours."""
    value = _own(data).get("fps")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.1 <= value <= 1000:
        raise InputError(f"{KEY}.fps is {str(value)[:40]!r}, no number from 0.1 to 1000")
    return float(value)


def own_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What our export added; empty for another program's file."""
    return _own(data)


def is_ours(data: Mapping[str, Any]) -> bool:
    """Whether our export wrote the file."""
    return bool(_own(data))


def _own(data: Mapping[str, Any]) -> Mapping[str, Any]:
    value = data.get(KEY, {})
    if not isinstance(value, Mapping):
        raise InputError(f"the key {KEY} of a JSON holds no mapping")
    return value


def described(head: str, fps: float, **more: Any) -> dict[str, Any]:
    """The mapping under `KEY`; it says in words when the codes are not FLAME's."""
    out: dict[str, Any] = {"head": head, "fps": fps, **more}
    if not head.startswith("flame"):
        out["note"] = (
            f"Expression and shape codes belong to the head model {head} of PartNerFace, not to FLAME: programs that "
            "pose FLAME with them get another face. Cameras, poses in the world, pictures and meshes are usable."
        )
    return out
