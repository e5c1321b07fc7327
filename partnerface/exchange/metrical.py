"""metrical-tracker's output: a `.frame` file per picture, with FLAME's codes and the camera in OpenCV's axes.

The head's skull is at rest and the camera moves round it. Rotations are 6-D, the first two rows of the matrix.
"""

from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.exchange.axes import rigid, vectors_of_pose
from partnerface.exchange.files import PICTURES, below, numbered, picture_size, rescaled
from partnerface.exchange.frame_file import read_frame
from partnerface.exchange.recording import Recording

NAME, HEAD = "metrical-tracker", "flame2020"
CHECKPOINTS = "checkpoint"
#: Folders in which the pictures lie, in the order in which they are looked for: the tracker's own, then those of
#: programs that read its files.
PICTURE_FOLDERS = ("input", "images", "imgs")
#: Of these, the ones whose pictures are counted from 1 beside files counted from 0.
FROM_ONE = ("imgs",)


def frame_files(folder: Path) -> dict[int, Path]:
    """The `.frame` files of a tracker's output folder, or of a folder of nothing else, by number."""
    files = numbered(folder / CHECKPOINTS, (".frame",)) or numbered(folder, (".frame",))
    return {number: below(folder, path) for number, path in sorted(files.items())}


def flavour(data: dict[str, Any]) -> str:
    """Which tracker wrote a `.frame`, by its keys: two programs use the suffix for different content."""
    camera, flame = data.get("camera"), data.get("flame")
    if isinstance(data.get("opencv"), dict) and isinstance(flame, dict):
        return NAME
    if isinstance(camera, dict) and "R_base_0" in camera:
        return "pixel3dmm"
    return ""


def read_metrical(folder: Path) -> Recording:
    """A tracker's output folder.

    Raises:
        InputError: it is of another program, or files are missing, damaged or of different takes.
    """
    files = frame_files(folder)
    if not files:
        raise InputError(f"{folder} has no .frame files, neither in itself nor in {CHECKPOINTS}/")
    numbers = sorted(files)
    data = [read_frame(files[number]) for number in numbers]
    for number, one in zip(numbers, data, strict=True):
        require(one, files[number])
    pictures, note = _pictures(folder, numbers)
    kept = [k for k, number in enumerate(numbers) if number in pictures]
    if not kept:
        raise InputError(f"{folder} has .frame files but none of the pictures that they belong to")
    notes = [note] if note else []
    if len(kept) < len(numbers):
        notes.append(f"{len(numbers) - len(kept)} of {len(numbers)} .frame files have no picture and are left out")
    data, numbers = [data[k] for k in kept], [numbers[k] for k in kept]
    images = tuple(pictures[number] for number in numbers)
    height, width = (float(value) for value in np.asarray(data[0]["img_size"]).reshape(-1)[:2])
    real = picture_size(images[0])
    K = np.stack([np.asarray(one["opencv"]["K"], np.float64).reshape(3, 3) for one in data])
    w2c = rigid(
        np.stack([np.asarray(one["opencv"]["R"], np.float64).reshape(3, 3) for one in data]),
        np.stack([np.asarray(one["opencv"]["t"], np.float64).reshape(3) for one in data]),
    )
    parameters, more = flame_of(data)
    return Recording(
        format=NAME,
        folder=folder,
        numbers=np.array(numbers),
        clip=np.zeros(len(numbers), int),
        images=images,
        masks=(None,) * len(numbers),
        size=real,
        K=rescaled(K, (width, height), real, folder),
        w2c=w2c,
        head=HEAD,
        parameters=parameters,
        skull_still=True,
        notes=(*notes, *more),
    ).in_order()


def require(data: dict[str, Any], path: Path) -> None:
    """Raise InputError unless a `.frame` is this tracker's and whole."""
    kind = flavour(data)
    if kind == "pixel3dmm":
        raise InputError(f"{path} is of pixel3dmm, whose .frame files are not read; metrical-tracker's and VHAP's are")
    shapes = {"flame": {"exp": None, "shape": None, "jaw": 6, "eyes": 12}, "opencv": {"R": 9, "t": 3, "K": 9}}
    for part, names in shapes.items():
        for name, size in names.items():
            value = data.get(part, {}).get(name) if kind else None
            sound = isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.size == (size or value.size)
            if not sound:
                raise InputError(f"{path} lacks {part}.{name} of metrical-tracker's .frame; is it of another program?")
    if np.asarray(data.get("img_size", ())).size != 2:
        raise InputError(f"{path} lacks img_size of metrical-tracker's .frame; is it of another program?")


def flame_of(data: list[dict[str, Any]]) -> tuple[dict[str, np.ndarray], list[str]]:
    """FLAME's codes of some `.frame` files under our names, and notes."""

    def stacked(name: str) -> np.ndarray:
        return np.stack([np.asarray(one["flame"][name], np.float64).reshape(-1) for one in data])

    shapes = stacked("shape")
    # FLAME is called without a neck: the head's whole motion is the camera's.
    parameters = {
        "shape": shapes[0],
        "expression": stacked("exp"),
        "neck_pose": np.zeros((len(data), 3)),
        "jaw_pose": vectors_of_pose(stacked("jaw"), 1),
        "eye_pose": vectors_of_pose(stacked("eyes"), 2),
        "eyelids": stacked("eyelids") if all("eyelids" in one["flame"] for one in data) else np.zeros((len(data), 2)),
    }
    notes = []
    if np.abs(shapes - shapes[0]).max() > 1e-4:
        notes.append("the shape codes differ from frame to frame; those of the first frame are taken for all")
    return parameters, notes


def _pictures(folder: Path, numbers: list[int]) -> tuple[dict[int, Path], str]:
    """The pictures by the number of their `.frame`, and a note where they are counted otherwise."""
    for name in PICTURE_FOLDERS:
        found = numbered(folder / name, PICTURES)
        if not found:
            continue
        pictures = {number: below(folder, path) for number, path in found.items()}
        # A folder that begins with 1 beside files that begin with 0, and has the one more at its end.
        later = 0 not in pictures and 1 in pictures and 0 in numbers and (max(pictures) > max(numbers))
        if name in FROM_ONE or later:
            return (
                {number - 1: path for number, path in pictures.items()},
                f"the pictures of {name}/ are counted from 1 beside .frame files counted from 0: picture n + 1 is "
                "frame n",
            )
        return pictures, ""
    raise InputError(f"{folder} has no pictures in any of {', '.join(f'{name}/' for name in PICTURE_FOLDERS)}")
