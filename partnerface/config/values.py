"""One value against its field: type, range, choices, and the sentence when it does not fit."""

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from partnerface.errors import ConfigError

TYPE_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
#: `1e-3` and `1E5`: numbers for a person, text for YAML 1.1, which wants a point and a sign (`1.0e-3`).
EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a field holds: `many` values of type `base` (a tuple) or one; `optional` allows null."""

    base: type
    many: bool = False
    optional: bool = False


def kinds(section: type) -> dict[str, Kind]:
    """The kind of each field of a settings dataclass.

    Raises:
        TypeError: a field has a type that config.yaml can't express.
    """
    hints = typing.get_type_hints(section)
    return {field.name: _kind(hints[field.name], field.name) for field in dataclasses.fields(section)}


def _kind(hint: Any, name: str) -> Kind:
    optional = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if len(options) != 1:
            raise TypeError(f"setting {name}: {hint} is not one type or None")
        hint, optional = options[0], True
    many = typing.get_origin(hint) is tuple
    if many:
        hint = typing.get_args(hint)[0]
    if hint not in TYPE_WORDS:
        raise TypeError(f"setting {name}: {hint} is not one of bool, int, float, str or a tuple of one of them")
    return Kind(hint, many, optional)


def nearest(name: object, known: Iterable[str]) -> str:
    """`; did you mean x?` when a known name is near, else nothing."""
    near = difflib.get_close_matches(str(name), [str(item) for item in known], n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def allowed(kind: Kind, metadata: Mapping[str, Any]) -> str:
    """What may stand there, in words: `a whole number from 64 to 4096 (px)`."""
    if metadata["choices"] is not None:
        words = "one of " + ", ".join(map(_shown, metadata["choices"]))
    else:
        words = TYPE_WORDS[kind.base]
        low, high = metadata["minimum"], metadata["maximum"]
        if low is not None and high is not None:
            words += f" from {low} to {high}"
        elif low is not None:
            words += f", {low} or more"
        elif high is not None:
            words += f", {high} or less"
    if kind.many:
        words = f"a list, each {words}"
    if kind.optional:
        words += ", or null"
    return words + (f" ({metadata['unit']})" if metadata["unit"] else "")


def check_value(where: str, value: Any, kind: Kind, metadata: Mapping[str, Any], from_text: bool = False) -> Any:
    """The value with the field's type.

    Args:
        where: the key, named in the message (`train.steps`, `--steps`).
        value: what was given.
        kind: what the field holds.
        metadata: the metadata that `setting` made.
        from_text: the value came from a command line, so text that reads as the type is taken for it.

    Raises:
        ConfigError: with the key, the value and what is allowed.
    """
    if from_text:
        value = _from_text(value, kind)
    if value is None and kind.optional:
        return None
    if kind.many:
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ConfigError(f"{where} is {_shown(value)}; allowed: {allowed(kind, metadata)}")
        return tuple(_check_one(where, item, kind, metadata) for item in value)
    return _check_one(where, value, kind, metadata)


def _check_one(where: str, value: Any, kind: Kind, metadata: Mapping[str, Any]) -> Any:
    message = f"{where} is {_shown(value)}; allowed: {allowed(kind, metadata)}"
    if kind.base is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind.base:
        if kind.base in (int, float) and isinstance(value, str) and EXPONENT.fullmatch(value.strip()):
            written = int(float(value)) if kind.base is int else yaml_float(float(value))
            message += f". YAML reads {value} as text: write {written}"
        raise ConfigError(message)
    if kind.base is float and not math.isfinite(value):
        raise ConfigError(message)
    if metadata["choices"] is not None and value not in metadata["choices"]:
        raise ConfigError(message + nearest(value, metadata["choices"]))
    low, high = metadata["minimum"], metadata["maximum"]
    if (low is not None and value < low) or (high is not None and value > high):
        raise ConfigError(message)
    return value


def yaml_float(value: float) -> str:
    """A number as YAML reads it back: `0.5`, `1.0e-3`."""
    text = f"{value:e}" if value and abs(value) < 0.01 else f"{value:g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        mantissa = mantissa.rstrip("0") if "." in mantissa else mantissa + "."
        return f"{mantissa}{'0' if mantissa.endswith('.') else ''}e{int(exponent):+d}"
    return text if "." in text else text + ".0"


def _from_text(value: Any, kind: Kind) -> Any:
    """Text of a command line in the field's type where it reads as such; all else unchanged, for the check to judge."""
    if isinstance(value, list | tuple):
        return [_from_text(item, Kind(kind.base)) for item in value] if kind.many else value
    if not isinstance(value, str):
        return value
    if kind.optional and value.strip().lower() in ("none", "null", ""):
        return None
    if kind.many:
        inner = value.strip().removeprefix("[").removesuffix("]")
        return [_from_text(item.strip(), Kind(kind.base)) for item in inner.split(",") if item.strip()]
    if kind.base is bool:
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower(), value)
    if kind.base in (int, float):
        try:
            return kind.base(value)
        except ValueError:
            return value
    return value


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
