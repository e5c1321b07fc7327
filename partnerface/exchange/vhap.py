"""VHAP's export, which GaussianAvatars reads: `transforms.json` in OpenGL's axes and a FLAME .npz per time step.

The world is fixed, the head moves in it by `rotation` and `translation`. The tracked surface is FLAME with 120 vertices
of teeth behind its own 5023.
"""

from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.exchange.axes import from_opengl_c2w
from partnerface.exchange.files import PICTURES, array, frames_of, inside, number, picture_size, read_json, rescaled
from partnerface.exchange.insta import WHOLE
from partnerface.exchange.recording import Recording

NAME, HEAD = "vhap", "flame2023"
#: FLAME's own vertices; those behind them are teeth that VHAP adds.
VERTICES, WITH_TEETH = 5023, 5143
_NAMES = {
    "global_orient": ("rotation", 3),
    "neck_pose": ("neck_pose", 3),
    "jaw_pose": ("jaw_pose", 3),
    "eye_pose": ("eyes_pose", 6),
    "translation": ("translation", 3),
    "expression": ("expr", None),
}


def read_vhap(folder: Path, camera: str | None = None) -> Recording:
    """An export of one camera, or one camera of an export of several.

    Args:
        folder: with transforms.json.
        camera: `camera_id` or `camera_index` of the camera to take; None where there is one.

    Raises:
        InputError: a key or a file is missing or of another form, or there are several cameras and none is named.
    """
    path = folder / WHOLE
    data = read_json(path)
    frames, notes = _of_camera(frames_of(data, path), camera, path), []
    images = tuple(inside(folder, frame.get("file_path"), path, ("", *PICTURES)) for frame in frames)
    real = picture_size(images[0])

    def value(frame: dict[str, Any], key: str) -> float:
        return number(frame if key in frame else data, key, str(path))

    K = np.zeros((len(frames), 3, 3))
    for k, frame in enumerate(frames):
        fx, fy, cx, cy = (value(frame, key) for key in ("fl_x", "fl_y", "cx", "cy"))
        stated = (value(frame, "w"), value(frame, "h"))
        K[k] = rescaled(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), stated, real, path)
    c2w = np.stack(
        [array(frame.get("transform_matrix"), (4, 4), f"{path}: transform_matrix of {image.name}")
         for frame, image in zip(frames, images, strict=True)]
    )  # fmt: skip
    masks = tuple(
        inside(folder, frame["fg_mask_path"], path) if frame.get("fg_mask_path") else None for frame in frames
    )
    recording = Recording(
        format=NAME,
        folder=folder,
        numbers=np.array([int(value(frame, "timestep_index")) for frame in frames]),
        clip=np.zeros(len(frames), int),
        images=images,
        masks=masks,
        size=real,
        K=K,
        w2c=from_opengl_c2w(c2w),
    )
    if not all("flame_param_path" in frame for frame in frames):
        why = "exported as meshes" if "mesh_path" in frames[0] else "exported without FLAME parameters"
        return recording.without_parameters(
            f"{folder} was {why}; export it with --tgt-mode param to import its tracking"
        ).in_order()
    parameters, offset, more = _parameters(folder, path, frames)
    notes += more
    made = {"parameters": parameters, "head": HEAD, "static_offset": offset, "notes": tuple(notes)}
    return Recording(**{**vars(recording), **made}).in_order()


def _of_camera(frames: list[dict[str, Any]], camera: str | None, path: Path) -> list[dict[str, Any]]:
    cameras = sorted({str(frame.get("camera_id", frame.get("camera_index", 0))) for frame in frames})
    if camera is None:
        if len(cameras) > 1:
            raise InputError(f"{path} has the cameras {', '.join(cameras[:20])}; name one with --camera")
        return frames
    names = ("camera_id", "camera_index")
    kept = [frame for frame in frames if any(str(frame.get(name)) == camera for name in names)]
    if not kept:
        raise InputError(f"{path} has no camera {camera}; it has {', '.join(cameras[:20])}")
    return kept


def _parameters(
    folder: Path, path: Path, frames: list[dict[str, Any]]
) -> tuple[dict[str, np.ndarray], np.ndarray | None, list[str]]:
    rows: dict[str, list[np.ndarray]] = {name: [] for name in _NAMES}
    shape = offset = None
    dropped = False
    for frame in frames:
        file = inside(folder, frame["flame_param_path"], path)
        values = _read_npz(file)
        for name, (key, size) in _NAMES.items():
            rows[name].append(array(values.get(key, np.empty(0)).reshape(-1), (size,), f"{file}: {key}"))
        if shape is None:
            shape = array(values.get("shape", np.empty(0)).reshape(-1), (None,), f"{file}: shape")
            offset = _offset(values.get("static_offset"), file)
        dropped |= "dynamic_offset" in values and bool(np.any(values["dynamic_offset"]))
    if len({len(row) for row in rows["expression"]}) > 1:
        raise InputError(f"{folder}/flame_param: the files hold different numbers of expression codes")
    notes = ["the offsets per frame (dynamic_offset) are left out"] if dropped else []
    parameters = {"shape": shape if shape is not None else np.zeros(0)}
    parameters |= {name: np.stack(values) for name, values in rows.items()}
    parameters["eyelids"] = np.zeros((len(frames), 2))
    return parameters, offset, notes


def _offset(value: np.ndarray | None, file: Path) -> np.ndarray | None:
    """The static offset of FLAME's own vertices (V, 3), metres."""
    if value is None:
        return None
    offset = array(value.reshape(-1, 3) if value.size % 3 == 0 else value, (None, 3), f"{file}: static_offset")
    return offset[:VERTICES] if len(offset) == WITH_TEETH else offset


def _read_npz(file: Path) -> dict[str, np.ndarray]:
    import zipfile

    try:
        with np.load(file, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError):
        raise InputError(f"{file} is no .npz of plain numbers that can be read; copy it again") from None
