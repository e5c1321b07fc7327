"""The head that a setting asks for: the built-in one, the user's own FLAME, or a head.npz of ours."""

from dataclasses import dataclass, field
from pathlib import Path

from partnerface.artefacts.files import digest
from partnerface.artefacts.foreign import read_npz
from partnerface.head.model import HeadModel
from partnerface.head.places import BUILTIN, OURS, model_file


@dataclass
class ChosenHead:
    """A head, the files that it was read from (none for the built-in one), and what is to be said of it."""

    model: HeadModel
    files: list[Path] = field(default_factory=list)
    said: str = ""


def choose_head(head: str, shapes: int, expressions: int, version: str | None = None) -> ChosenHead:
    """The head for a setting `head`: `builtin`, FLAME's .pkl or its folder, or a head.npz of ours.

    Args:
        head: the setting.
        shapes, expressions: components to keep of FLAME; a head.npz keeps its own.
        version: which FLAME the file is, where its checksum tells nothing.

    Raises:
        InputError: `head` names no file that can be used.
        ArtefactError: it names a head.npz that is damaged or of another version of ours.
    """
    if head == BUILTIN:
        from partnerface.head.builtin import builtin_head

        return ChosenHead(builtin_head())
    file = model_file(Path(head))
    if file.suffix == OURS:
        # With its stamp or without: the export writes none, and the zip has sums of its own.
        model = HeadModel.from_arrays(read_npz(file, "run the stage that made it again"), str(file))
        return ChosenHead(model, [file], f"head {model.name}, SHA-256 {digest(file)}, read from {file}")
    from partnerface.head.flame import load_flame

    found = load_flame(file, shapes, expressions, version)
    said = (
        f"head {found.model.name}, SHA-256 {found.sha256}, read from {', '.join(map(str, found.files))}; from the "
        f"built-in head come {', '.join(found.carried)} (its face lies {1000 * found.miss:.2f} mm beside this one's)"
    )
    return ChosenHead(found.model, found.files, said)
