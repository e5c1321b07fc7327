"""`--set section.key=value` of a command line."""

from collections.abc import Sequence
from typing import Any

from partnerface.config.sections import build
from partnerface.config.settings import SECTIONS
from partnerface.errors import ConfigError


def put(overrides: dict[str, Any], change: str) -> None:
    """Enter one `section.key=value` (or `methods=a,b`) into a nested mapping."""
    key, equals, value = change.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts) or len(parts) > 2:
        raise ConfigError(f"--set {change!r}; allowed: section.key=value, as in train.steps=500")
    if len(parts) == 2:
        section = overrides.setdefault(parts[0], {})
        if not isinstance(section, dict):
            raise ConfigError(f"--set {change!r}: {parts[0]} has no keys of its own")
        section[parts[1]] = value
    elif parts[0] in ("methods", "seeds"):
        inner = value.strip().removeprefix("[").removesuffix("]")
        overrides[parts[0]] = [item.strip() for item in inner.split(",") if item.strip()]
    else:
        overrides[parts[0]] = value


def sections_with(changes: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """The settings of some sections, as they come but for the changes.

    Raises:
        ConfigError: malformed, of another section, an unknown key or an impossible value.
    """
    overrides: dict[str, Any] = {}
    for change in changes:
        put(overrides, change)
    for section in overrides:
        if section not in names:
            raise ConfigError(f"--set {section}: allowed here: {', '.join(f'{name}.key=value' for name in names)}")
    return {name: build(SECTIONS[name], overrides.get(name), name, from_text=True) for name in names}
