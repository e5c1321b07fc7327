"""One line of the doctor's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and how to mend it.

    Args:
        topic: one word for the left column.
        text: what was found, in one line.
        stops: what the default path lacks, with the cure; empty when this does not stand in its way.
    """

    topic: str
    text: str
    stops: str = ""
