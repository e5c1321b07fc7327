"""Checks of flags that several commands have."""

from partnerface.errors import InputError


def check_number(flag: str, value: float | None, least: float, most: float) -> None:
    """Raise InputError when a flag's number lies outside its range."""
    if value is not None and not least <= value <= most:
        raise InputError(f"{flag} is {value:g}; allowed: a number from {least:g} to {most:g}")
