"""The head model that imported codes are for."""

from pathlib import Path

import numpy as np

from partnerface.errors import ArtefactError, InputError
from partnerface.head.model import HeadModel


def head_model(source: str, shapes: int, expressions: int) -> HeadModel:
    """A head model by `builtin`, by the path of a head.npz of ours, or by that of FLAME's own .pkl (or its folder).

    Args:
        source: what was given with --head.
        shapes, expressions: components to keep of FLAME: as many as there are codes.

    Raises:
        InputError: there is no such file, or it is no head model.
    """
    if source == "builtin":
        from partnerface.head.builtin import builtin_head

        return builtin_head()
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(f"there is no head model {path}; give --head FLAME's .pkl, its folder, or a head.npz of ours")
    if path.suffix == ".npz":
        return _stored(path)
    from partnerface.head.flame import load_flame

    return load_flame(path, shapes, expressions).model


def _stored(path: Path) -> HeadModel:
    """A head.npz, whether its stamp lies beside it or not."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return HeadModel.from_arrays({name: data[name] for name in data.files}, str(path))
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise InputError(f"{path} is no head model that can be read ({str(error)[:60]})") from None
    except ArtefactError as error:
        raise InputError(str(error)) from None
