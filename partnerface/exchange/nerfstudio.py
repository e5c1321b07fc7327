"""nerfstudio's layout: `transforms.json`, camera to world in OpenGL's axes, intrinsics for all or per frame.

The format knows pictures and cameras. Our own export adds the head's parameters under the key `partnerface`, which
nerfstudio passes over, and which are taken back from there.
"""

from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.exchange import own
from partnerface.exchange.axes import from_opengl_c2w
from partnerface.exchange.files import (
    PICTURES,
    array,
    frames_of,
    inside,
    number,
    number_of,
    picture_size,
    read_json,
    rescaled,
)
from partnerface.exchange.insta import WHOLE
from partnerface.exchange.recording import PER_FRAME, Recording

NAME = "nerfstudio"
MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE")
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
#: What our export stores of each frame; the head's place in the world follows from the camera and the neck.
STORED = ("expression", "neck_pose", "jaw_pose", "eye_pose", "eyelids")
#: Below this a distortion moves no pixel of a picture by a tenth.
NO_DISTORTION = 1e-5


def read_nerfstudio(folder: Path) -> Recording:
    """A data folder in nerfstudio's layout.

    Raises:
        InputError: a key or a file is missing or of another form, or the lens is distorted.
    """
    path = folder / WHOLE
    data = read_json(path)
    frames = frames_of(data, path)
    images = tuple(inside(folder, frame.get("file_path"), path, ("", *PICTURES)) for frame in frames)
    real = picture_size(images[0])
    model = str(data.get("camera_model", "OPENCV"))
    if model not in MODELS:
        raise InputError(f"{path}: camera_model {model[:40]} is no pinhole camera; undistort the pictures first")
    K = np.stack([_intrinsics(frame, data, real, path) for frame in frames])
    c2w = np.stack(
        [array(frame.get("transform_matrix"), (4, 4), f"{path}: transform_matrix of {image.name}")
         for frame, image in zip(frames, images, strict=True)]
    )  # fmt: skip
    recording = Recording(
        format=NAME,
        folder=folder,
        numbers=np.array([number_of(image.stem) for image in images]),
        clip=np.zeros(len(frames), int),
        images=images,
        masks=tuple(inside(folder, frame["mask_path"], path) if frame.get("mask_path") else None for frame in frames),
        size=real,
        K=K,
        w2c=from_opengl_c2w(c2w),
        fps=own.fps_of(data),
    )
    if not own.is_ours(data):
        return recording.without_parameters(
            f"{path} holds pictures and cameras only, as nerfstudio's files do; the head is not tracked in it"
        ).in_order()
    # The world of the file is the skull's space, turned so that up is z.
    turn = np.eye(4)
    turn[:3] = array(data.get("applied_transform"), (3, 4), f"{path}: applied_transform")
    mine = own.own_of(data)
    made = {
        "w2c": recording.w2c @ turn,
        "head": own.head_of(data, ""),
        "parameters": {"shape": array(mine.get("shape"), (None,), f"{path}: shape"), **_stored(frames, path)},
        "skull_still": True,
    }
    return Recording(**{**vars(recording), **made}).in_order()


def _stored(frames: list[dict[str, Any]], path: Path) -> dict[str, np.ndarray]:
    out = {}
    for name in STORED:
        where = f"{path}: {name} of a frame"
        rows = [array(own.own_of(frame).get(name), (PER_FRAME[name],), where) for frame in frames]
        if len({len(row) for row in rows}) > 1:
            raise InputError(f"{path}: {name} has different lengths in different frames")
        out[name] = np.stack(rows)
    return out


def _intrinsics(frame: dict[str, Any], data: dict[str, Any], real: tuple[int, int], path: Path) -> np.ndarray:
    def value(key: str) -> float:
        return number(frame if key in frame else data, key, str(path))

    for key in DISTORTION:
        if (key in frame or key in data) and abs(value(key)) > NO_DISTORTION:
            raise InputError(f"{path}: the lens is distorted ({key} is {value(key):g}); undistort the pictures first")
    fx = value("fl_x") if "fl_x" in frame or "fl_x" in data else _by_angle(value, "camera_angle_x", real[0])
    fy = value("fl_y") if "fl_y" in frame or "fl_y" in data else fx
    stated = (value("w"), value("h")) if ("w" in frame or "w" in data) else real
    cx = value("cx") if "cx" in frame or "cx" in data else stated[0] / 2
    cy = value("cy") if "cy" in frame or "cy" in data else stated[1] / 2
    return rescaled(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), stated, real, path)


def _by_angle(value: Any, key: str, width: int) -> float:
    return float(width / 2 / np.tan(value(key) / 2))
