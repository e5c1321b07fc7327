"""`setting`: one field of a stage's settings, with all that a person and a machine want to know about it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


def setting(
    default: Any,
    help: str,
    unit: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[Any] | None = None,
) -> Any:
    """A dataclass field with its description, unit and allowed values.

    From it come the command line flag, the JSON schema, the check of config.yaml and the messages of that check.

    Args:
        default: the value when nothing is set; a list or tuple stands for a tuple of values of one type.
        help: one sentence for the user, without a full stop.
        unit: the unit of the value (`px`, `s`); None when it has none.
        minimum: the least allowed value (of each element, for a tuple).
        maximum: the greatest allowed value.
        choices: the allowed values (of each element, for a tuple).

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Example:
        ...     size: int = setting(512, "greatest edge of the stored frames", unit="px", minimum=64, maximum=4096)
        >>> Example().size
        512
    """
    metadata: Mapping[str, Any] = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": None if choices is None else tuple(choices),
    }
    if isinstance(default, list | tuple):
        return dataclasses.field(default=tuple(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
