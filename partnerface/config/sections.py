"""A section of config.yaml, or the flags of a stage, to its settings dataclass."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from partnerface.config.settings import SECTIONS
from partnerface.config.values import check_value, kinds, nearest
from partnerface.errors import ConfigError


def build(section: type, values: Mapping[str, Any] | None, where: str, from_text: bool = False) -> Any:
    """A settings dataclass from a mapping.

    Args:
        section: the dataclass.
        values: key → value; keys that are absent keep their defaults. None reads as empty.
        where: the path of the section, for messages (`train`, `subjects.anna.train`).
        from_text: see `check_value`.

    Raises:
        ConfigError: unknown key or impossible value.
    """
    return section(**check(section, values, where, from_text))


def check(section: type, values: Mapping[str, Any] | None, where: str, from_text: bool = False) -> dict[str, Any]:
    """The given values alone, checked and in their types."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} is {values!r}; allowed: a mapping of keys to values")
    fields = {field.name: field for field in dataclasses.fields(section)}
    types_of = kinds(section)
    checked = {}
    for key, value in values.items():
        if key not in fields:
            hint = nearest(key, fields) or f"; known keys: {', '.join(fields) or 'none'}"
            raise ConfigError(f"{where}.{key} is not a setting{hint}")
        checked[key] = check_value(f"{where}.{key}", value, types_of[key], fields[key].metadata, from_text)
    return checked


def defaults() -> dict[str, Any]:
    """Every section with its defaults."""
    return {name: section() for name, section in SECTIONS.items()}


def plain(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON types (tuples become lists)."""
    return {
        field.name: list(value) if isinstance(value := getattr(settings, field.name), tuple) else value
        for field in dataclasses.fields(settings)
    }
