"""Which files a head is read from. Imports nothing heavy, since the rules ask it."""

from pathlib import Path

from partnerface.errors import InputError

BUILTIN = "builtin"
#: A file with this suffix is a head.npz of ours.
OURS = ".npz"
#: Companions that are read where they lie beside FLAME's model.
COMPANIONS = (
    "l_eyelid.npy",
    "r_eyelid.npy",
    "FLAME_masks.pkl",
    "landmark_embedding.npy",
    "flame_static_embedding.pkl",
    "mediapipe_landmark_embedding.npz",
)


def model_file(path: Path) -> Path:
    """The model's file: `path` itself, or the one .pkl in the folder `path` that is no companion.

    Raises:
        InputError: no such file, or none or several in the folder.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        if not path.is_file():
            raise InputError(
                f"the head model {path} is no file; give FLAME's .pkl, its folder, a head.npz of ours, or {BUILTIN}"
            )
        return path
    found = sorted(item for item in path.glob("*.pkl") if item.name not in COMPANIONS and item.is_file())
    if len(found) != 1:
        many = f"several models ({', '.join(item.name for item in found)})" if found else "no .pkl file of a model"
        raise InputError(f"the head model's folder {path} holds {many}; give the path of the one to use")
    return found[0]


def head_files(head: str) -> list[Path]:
    """All files that a setting `head` stands for: none for the built-in head; the model, then FLAME's companions.

    Raises:
        InputError: as `model_file`.
    """
    if head == BUILTIN:
        return []
    file = model_file(Path(head))
    companions = () if file.suffix == OURS else COMPANIONS
    return [file, *(file.parent / name for name in companions if (file.parent / name).is_file())]
