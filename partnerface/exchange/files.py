"""Reading a stranger's folder: nothing outside of it, nothing of the wrong kind, one line for what is wrong."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from partnerface.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg")
#: The JSON of a long clip has some ten megabytes.
MOST_BYTES = 1 << 29


def inside(folder: Path, text: Any, said_in: Path, suffixes: Sequence[str] = ("",)) -> Path:
    """The file that a path in a JSON names, with the first of `suffixes` under which there is one.

    Raises:
        InputError: the path is absolute, goes up, or leads out of the folder by a link; or there is no such file.
    """
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError(f"{said_in} names no file where a path should stand ({text!r})")
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"^[A-Za-z]:", text):
        raise InputError(f"{said_in} names {text}, which lies outside of {folder}; copy the file into the folder")
    for suffix in suffixes:
        found = folder / f"{path}{suffix}"
        if not found.is_file():
            continue
        if not found.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{said_in} names {text}, a link out of {folder}; copy the file into the folder")
        return found
    raise InputError(f"{said_in} names {text}, which is not in {folder}; copy the whole folder")


def below(folder: Path, path: Path) -> Path:
    """A file or folder that we found by its name, unless a link leads out of the folder."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path} is a link out of {folder}; copy what it points to into the folder")
    return path


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds a mapping; raises InputError otherwise."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} has {path.stat().st_size} bytes, too many for a list of frames")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({str(error)[:80]}); copy it again") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no mapping of keys to values")
    return value


def frames_of(data: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """The list `frames` of a JSON; raises InputError when there is none, or none with entries."""
    frames = data.get("frames")
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(f"{path} has no list of `frames`")
    return frames


def array(value: Any, shape: tuple[int | None, ...], where: str) -> np.ndarray:
    """`value` as float64 of a shape, None for any length; raises InputError otherwise."""
    try:
        made = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        made = np.empty(0, object)
    fits = made.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(made.shape, shape, strict=False)
    )
    if made.dtype != np.float64 or not fits:
        wanted = " x ".join("n" if size is None else str(size) for size in shape)
        raise InputError(f"{where} holds no {wanted} numbers")
    if not np.isfinite(made).all():
        raise InputError(f"{where} holds values that are not numbers; track the clip again")
    return made


def number(data: Mapping[str, Any], key: str, where: str) -> float:
    """A number under a key; raises InputError where there is none."""
    if key not in data:
        raise InputError(f"{where} lacks the key {key}")
    return float(array(data[key], (), f"{where}: {key}"))


def number_of(name: str) -> int:
    """The last number in a file's name (`00012.png`, `f_0012`): its place in the clip; raises InputError without."""
    digits = re.findall(r"\d+", PurePosixPath(name.replace("\\", "/")).name)
    if not digits:
        raise InputError(f"the file name {name} has no number, so its place in the clip is unknown")
    return int(digits[-1][:15])


def numbered(folder: Path, suffixes: Sequence[str]) -> dict[int, Path]:
    """The files of a folder by the numbers in their names; empty where there is no such folder."""
    if not folder.is_dir():
        return {}
    found = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith(".")]
    return {number_of(path.stem): path for path in found if re.search(r"\d", path.stem)}


def read_column(path: Path) -> np.ndarray:
    """A text file of numbers, one per line or in one line; raises InputError otherwise."""
    try:
        return array(np.array(path.read_text().split(), np.float64), (None,), str(path))
    except (OSError, ValueError):
        raise InputError(f"{path} is no list of numbers; copy it again") from None


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture from its header; raises InputError when it is none."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InputError(f"{path} is no PNG or JPEG that can be read; copy it again") from None


def rescaled(K: np.ndarray, stated: tuple[float, float], real: tuple[int, int], where: Path) -> np.ndarray:
    """Intrinsics (N, 3, 3) of pictures of the stated size for the same pictures at their real size.

    Raises:
        InputError: width and height differ by other factors: then it is another crop, whose place nobody knows.
    """
    x, y = real[0] / stated[0], real[1] / stated[1]
    if abs(x - y) > 0.01 * max(x, y):
        raise InputError(
            f"{where} speaks of pictures of {stated[0]:g} x {stated[1]:g} px, they have {real[0]} x {real[1]}: another "
            "crop; take the pictures that were tracked"
        )
    return np.diag([x, y, 1.0]) @ K
