"""IMavatar's folders, which PointAvatar, FLARE, SplattingAvatar and others share: `flame_params.json` of DECA's fit.

The camera stands still and looks along -z (OpenGL's axes), FLAME is four times its size, and the head's motion is in
its joints. The first focal length is stored negative, which makes pixels run rightwards in spite of the negative depth.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.exchange import own
from partnerface.exchange.axes import FLIP, rigid
from partnerface.exchange.files import PICTURES, array, below, frames_of, inside, number_of, picture_size, read_json
from partnerface.exchange.recording import Recording

NAME, HEAD, FILE = "imavatar", "flame2020", "flame_params.json"
#: FLAME's vertices and joints are multiplied by this before the camera sees them.
SCALE = 4.0
#: Intrinsics of old files are px of pictures of this size.
OLD_SIZE = 512.0
#: pose: global, neck, jaw, eyes.
POSE = {"global_orient": slice(0, 3), "neck_pose": slice(3, 6), "jaw_pose": slice(6, 9), "eye_pose": slice(9, 15)}
#: How far below a folder clips are looked for: <subject>/<subject>/<clip>.
DEPTH = 3
_PARTS = ("train", "val", "test")


def clip_files(folder: Path) -> list[Path]:
    """The `flame_params.json` of a folder: its own, or those of the clips below it, training before the rest."""
    if (folder / FILE).is_file():
        return [folder / FILE]
    found = [path for depth in range(1, DEPTH + 1) for path in folder.glob("*/" * depth + FILE)]

    def key(path: Path) -> tuple[int, list[tuple[int, str]]]:
        name = path.parent.name.lower()
        part = next((place for place, word in enumerate(_PARTS) if word in name), 0)
        return part, [(int(w), "") if w.isdigit() else (-1, w) for w in re.split(r"(\d+)", str(path.parent))]

    return [below(folder, path) for path in sorted(found, key=key)]


def read_imavatar(folder: Path) -> Recording:
    """A clip's folder, or a subject's with several clips.

    Raises:
        InputError: a key or a file is missing or of another form, or the clips are of different people or cameras.
    """
    files = clip_files(folder)
    if not files:
        raise InputError(f"{folder} has no {FILE}, neither in itself nor {DEPTH} folders down")
    clips = [_read_clip(folder, file) for file in files]
    first = clips[0]
    for file, clip in zip(files, clips, strict=True):
        if not np.allclose(clip.parameters["shape"], first.parameters["shape"], atol=1e-5):
            raise InputError(f"{file} has other shape_params than {files[0]}: another person; import them apart")
        if clip.size != first.size or clip.head != first.head:
            raise InputError(f"{file} has pictures of another size or codes of another head; import it apart")
        if clip.parameters["expression"].shape[1] != first.parameters["expression"].shape[1]:
            raise InputError(f"{file} has another number of expression codes; import it apart")
    # Our own export counts on from clip to clip: one take that was cut into parts.
    last, one = -1, own.is_ours(read_json(files[0]))
    for clip in clips:
        one, last = one and int(clip.numbers.min()) > last, int(clip.numbers.max())
    joined = {name: np.concatenate([clip.parameters[name] for clip in clips])
              for name in first.parameters if name != "shape"}  # fmt: skip
    return Recording(
        format=NAME,
        folder=folder,
        numbers=np.concatenate([clip.numbers for clip in clips]),
        clip=np.concatenate([np.full(len(clip), 0 if one else k) for k, clip in enumerate(clips)]),
        images=tuple(image for clip in clips for image in clip.images),
        masks=tuple(mask for clip in clips for mask in clip.masks),
        size=first.size,
        K=np.concatenate([clip.K for clip in clips]),
        w2c=np.concatenate([clip.w2c for clip in clips]),
        head=first.head,
        parameters={"shape": first.parameters["shape"], **joined},
        fps=first.fps,
    ).in_order()


def intrinsics_of(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """K (3, 3) in px from the four stored numbers [-fx, fy, cx, cy] and the pictures' width and height.

    They are shares of the picture; but where the fourth is above 1 the file is of the old form, px at 512.
    """
    share = np.abs(values) / (OLD_SIZE if values[3] > 1 else 1.0)
    fx, fy, cx, cy = share * np.array([size[0], size[1], size[0], size[1]])
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def w2c_of(world_mat: np.ndarray) -> np.ndarray:
    """World to camera (N, 4, 4), OpenCV and metres, from OpenGL's (N, 3, 4) of a world that is `SCALE` times as large.

    With x_gl = R (4 v) + t the metric camera sees x = FLIP (R v + t / 4).
    """
    return FLIP @ rigid(world_mat[:, :, :3], world_mat[:, :, 3] / SCALE)


def _read_clip(root: Path, path: Path) -> Recording:
    folder, data = path.parent, read_json(path)
    frames = frames_of(data, path)
    images = tuple(inside(folder, frame.get("file_path"), path, (*PICTURES, "")) for frame in frames)
    masks = tuple(_mask(root, folder, image) for image in images)
    real = picture_size(images[0])
    K = intrinsics_of(array(data.get("intrinsics"), (4,), f"{path}: intrinsics"), real)

    def each(key: str, shape: tuple[int | None, ...]) -> np.ndarray:
        rows = [array(frame.get(key), shape, f"{path}: {key} of {image.name}")
                for frame, image in zip(frames, images, strict=True)]  # fmt: skip
        if len({row.shape for row in rows}) > 1:
            raise InputError(f"{path}: {key} has different lengths in different frames")
        return np.stack(rows)

    pose, mine = each("pose", (15,)), own.own_of(data)
    parameters = {
        "shape": _shape(data, mine, path),
        "expression": each("expression_all" if "expression_all" in frames[0] else "expression", (None,)),
        **{name: pose[:, part] for name, part in POSE.items()},
        "eyelids": each("eyelids", (2,)) if "eyelids" in frames[0] else np.zeros((len(frames), 2)),
        "translation": np.zeros((len(frames), 3)),
    }
    for name, key in (("expression", "n_expression"), ("shape", "n_shape")):
        count = mine.get(key)
        if isinstance(count, int) and 0 < count < parameters[name].shape[-1]:
            parameters[name] = parameters[name][..., :count]  # our export filled up with zeros
    return Recording(
        format=NAME,
        folder=folder,
        # Names are counted from 1.
        numbers=np.array([number_of(image.stem) for image in images]) - 1,
        clip=np.zeros(len(frames), int),
        images=images,
        masks=masks,
        size=real,
        K=np.tile(K, (len(frames), 1, 1)),
        w2c=w2c_of(each("world_mat", (3, 4))),
        head=own.head_of(data, HEAD),
        parameters=parameters,
        fps=own.fps_of(data),
    )


def _shape(data: dict[str, Any], mine: Any, path: Path) -> np.ndarray:
    value = mine.get("shape_all", data.get("shape_params"))
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return array(value, (None,), f"{path}: shape_params")


def _mask(root: Path, folder: Path, image: Path) -> Path | None:
    mask = folder / "mask" / image.name
    return below(root, mask) if mask.is_file() else None
