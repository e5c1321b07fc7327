"""The flags of `partnerface <stage>`, made from the stage's settings, and back."""

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

from partnerface.config.values import Kind, allowed, check_value, kinds


def flag(name: str) -> str:
    """`rays_per_step` → `--rays-per-step`."""
    return "--" + name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser, section: type, name: str) -> None:
    """One flag for each field of `section`; a flag that isn't given leaves nothing in the namespace.

    Args:
        parser: the parser of the stage.
        section: its settings dataclass.
        name: the section's name in config.yaml, for the heading.
    """
    if not dataclasses.fields(section):
        return
    group = parser.add_argument_group(f"settings (section `{name}` of config.yaml)")
    types_of = kinds(section)
    for field in dataclasses.fields(section):
        kind = types_of[field.name]
        shared: dict[str, Any] = {
            "dest": f"setting:{field.name}",
            "default": argparse.SUPPRESS,
            "help": help_line(field.metadata, kind, field.default).replace("%", "%%"),
        }
        if kind.base is bool and not kind.many:
            group.add_argument(flag(field.name), action=argparse.BooleanOptionalAction, **shared)
        elif kind.many:
            group.add_argument(flag(field.name), nargs="*", metavar=_metavar(field.metadata, kind), **shared)
        else:
            group.add_argument(flag(field.name), metavar=_metavar(field.metadata, kind), **shared)


def help_line(metadata: Mapping[str, Any], kind: Kind, default: Any) -> str:
    """The help of one flag: what it does, what is allowed, the default."""
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    if default == "" or default == ():
        shown = "empty"
    words = "" if kind.base is bool and not kind.many else f"{allowed(kind, metadata)}; "
    return f"{metadata['help']} [{words}default {shown}]"


def _metavar(metadata: Mapping[str, Any], kind: Kind) -> str:
    if metadata["unit"] and metadata["unit"].isalpha():
        return metadata["unit"].upper()
    return {int: "N", float: "X", str: "TEXT", bool: "true|false"}[kind.base]


def from_namespace(section: type, args: argparse.Namespace) -> Any:
    """The settings that the flags give.

    Raises:
        ConfigError: an impossible value; the message names the flag.
    """
    given = vars(args)
    types_of = kinds(section)
    values = {}
    for field in dataclasses.fields(section):
        key = f"setting:{field.name}"
        if key in given:
            kind = types_of[field.name]
            values[field.name] = check_value(flag(field.name), given[key], kind, field.metadata, from_text=True)
    return section(**values)


def to_flags(settings: Any) -> list[str]:
    """The words of a command line that give these settings, defaults included."""
    words: list[str] = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        name = flag(field.name)
        if isinstance(value, bool):
            words.append(name if value else "--no-" + name.removeprefix("--"))
        elif isinstance(value, tuple):
            words += [name, *map(str, value)]
        elif isinstance(value, str) and value.startswith("-"):
            words.append(f"{name}={value}")
        else:
            words += [name, "none" if value is None else str(value)]
    return words
