"""INSTA's data folder: `transforms*.json` whose matrices look like instant-ngp's and are OpenCV's.

`transform_matrix` is the inverse of the tracker's world-to-camera matrix, so it is camera to world in OpenCV's axes;
INSTA's loaders change no axis. The skull is at rest and the camera moves round it. FLAME's codes beyond the expression
stand in `.frame` files beside it, or in `flame/{jaw,eyes,eyelids,shape}/`, as some programs and our own export leave
them; stock INSTA has neither.
"""

from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.exchange import metrical, own
from partnerface.exchange.axes import inverse, vectors_of_pose
from partnerface.exchange.files import (
    PICTURES,
    array,
    below,
    frames_of,
    inside,
    number,
    number_of,
    picture_size,
    read_column,
    read_json,
    rescaled,
)
from partnerface.exchange.frame_file import read_frame
from partnerface.exchange.recording import Recording

NAME, HEAD = "insta", "flame2020"
WHOLE, PARTS = "transforms.json", ("transforms_train.json", "transforms_test.json", "transforms_val.json")


def listed(folder: Path) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    """The JSON of a folder, its content, and its frames: of the whole, or of the parts together, each once."""
    files = [folder / WHOLE] if (folder / WHOLE).is_file() else [folder / n for n in PARTS if (folder / n).is_file()]
    if not files:
        raise InputError(f"{folder} has no {WHOLE}")
    data = [read_json(below(folder, file)) for file in files]
    frames = [frame for one, file in zip(data, files, strict=True) for frame in frames_of(one, file)]
    return files[0], data[0], list({str(frame.get("file_path")): frame for frame in frames}.values())


def read_insta(folder: Path) -> Recording:
    """A data folder of INSTA.

    Raises:
        InputError: a key or a file is missing or of another form.
    """
    path, data, frames = listed(folder)
    images = tuple(inside(folder, frame.get("file_path"), path, ("", *PICTURES)) for frame in frames)
    numbers = np.array([number_of(image.stem) for image in images])
    c2w = np.stack(
        [array(frame.get("transform_matrix"), (4, 4), f"{path}: transform_matrix of {image.name}")
         for frame, image in zip(frames, images, strict=True)]
    )  # fmt: skip
    fx, fy, cx, cy = (number(data, key, str(path)) for key in ("fl_x", "fl_y", "cx", "cy"))
    real = picture_size(images[0])
    stated = (number(data, "w", str(path)), number(data, "h", str(path)))
    K = rescaled(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), stated, real, path)
    recording = Recording(
        format=NAME,
        folder=folder,
        numbers=numbers,
        clip=np.zeros(len(frames), int),
        images=images,
        masks=(None,) * len(frames),
        size=real,
        K=np.tile(K, (len(frames), 1, 1)),
        w2c=inverse(c2w),
        fps=own.fps_of(data),
    )
    parameters, notes = _parameters(folder, path, frames, numbers)
    if not parameters:
        return recording.without_parameters(notes[0]).in_order()
    made = {"parameters": parameters, "head": own.head_of(data, HEAD), "skull_still": True, "notes": tuple(notes)}
    return Recording(**{**vars(recording), **made}).in_order()


def _parameters(
    folder: Path, path: Path, frames: list[dict[str, Any]], numbers: np.ndarray
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The codes, from `.frame` files where every picture has one, else from flame/; empty where they are not all
    there."""
    files = metrical.frame_files(folder)
    if files and all(int(n) in files for n in numbers):
        data = [read_frame(files[int(n)]) for n in numbers]
        for one, n in zip(data, numbers, strict=True):
            metrical.require(one, files[int(n)])
        return metrical.flame_of(data)
    pairs = zip(frames, numbers.tolist(), strict=True)
    names = [Path(str(frame.get("exp_path") or f"{n:05d}.txt")).name for frame, n in pairs]
    wanted = ("exp", "jaw", "eyes", "shape")
    missing = [part for part in wanted if not (folder / "flame" / part / names[0]).is_file()]
    if missing:
        return {}, [
            f"{folder} holds no FLAME codes for {', '.join(missing)} (stock INSTA writes the expression alone); copy "
            f"the tracker's {metrical.CHECKPOINTS}/ folder with its .frame files beside {path.name}"
        ]

    def codes(part: str) -> np.ndarray:
        rows = [read_column(inside(folder, f"flame/{part}/{name}", path)) for name in names]
        if len({len(row) for row in rows}) > 1:
            raise InputError(f"{folder / 'flame' / part}: the files hold different numbers of values")
        return np.stack(rows)

    def there(part: str) -> bool:
        return (folder / "flame" / part / names[0]).is_file()

    shapes, count = codes("shape"), len(names)
    try:
        parameters = {
            "shape": shapes[0],
            "expression": codes("exp"),
            "neck_pose": vectors_of_pose(codes("neck"), 1) if there("neck") else np.zeros((count, 3)),
            "jaw_pose": vectors_of_pose(codes("jaw"), 1),
            "eye_pose": vectors_of_pose(codes("eyes"), 2),
            "eyelids": codes("eyelids") if there("eyelids") else np.zeros((count, 2)),
        }
    except ValueError as error:
        raise InputError(f"{folder}/flame: a pose has {error}") from None
    notes = [] if np.abs(shapes - shapes[0]).max() < 1e-4 else ["the shape codes of the first frame are taken for all"]
    return parameters, notes
