"""Which files a head is read from. Imports nothing heavy, since the rules ask it."""

from pathlib import Path

from partnerface.errors import InputError

BUILTIN = "builtin"
#: Companions that are read where they lie beside the model.
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
            raise InputError(f"tracking.head names {path}, which is no file; give FLAME's .pkl file, or {BUILTIN}")
        return path
    found = sorted(item for item in path.glob("*.pkl") if item.name not in COMPANIONS and item.is_file())
    if len(found) != 1:
        many = f"several models ({', '.join(item.name for item in found)})" if found else "no .pkl file of a model"
        raise InputError(f"tracking.head names {path}, which holds {many}; give the path of the one to use")
    return found[0]


def head_files(head: str) -> list[Path]:
    """All files that the setting tracking.head stands for: none for the built-in head; the model, then its companions.

    Raises:
        InputError: as `model_file`.
    """
    if head == BUILTIN:
        return []
    file = model_file(Path(head))
    return [file, *(file.parent / name for name in COMPANIONS if (file.parent / name).is_file())]
