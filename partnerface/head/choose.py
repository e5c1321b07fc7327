"""The head that a setting asks for: the built-in one, or the user's own FLAME."""

from dataclasses import dataclass, field
from pathlib import Path

from partnerface.head.flame.places import BUILTIN
from partnerface.head.model import HeadModel


@dataclass
class ChosenHead:
    """A head, the files that it was read from (none for the built-in one), and what is to be said of it."""

    model: HeadModel
    files: list[Path] = field(default_factory=list)
    said: str = ""


def choose_head(head: str, shapes: int, expressions: int, version: str | None = None) -> ChosenHead:
    """The head for the settings tracking.head, head_shapes, head_expressions and head_version.

    Raises:
        InputError: `head` names no FLAME file that can be used.
    """
    if head == BUILTIN:
        from partnerface.head.builtin import builtin_head

        return ChosenHead(builtin_head())
    from partnerface.head.flame import load_flame

    found = load_flame(Path(head), shapes, expressions, version)
    said = (
        f"head {found.model.name}, SHA-256 {found.sha256}, read from {', '.join(map(str, found.files))}; from the "
        f"built-in head come {', '.join(found.carried)} (its face lies {1000 * found.miss:.2f} mm beside this one's)"
    )
    return ChosenHead(found.model, found.files, said)
