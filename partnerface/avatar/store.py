"""avatar.safetensors: one file that holds the trained avatar, its head, its motion and what is known of its making."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from partnerface.avatar.methods import AvatarConfig
from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import FACE_NAMES, Whitening
from partnerface.avatar.surface import Surface
from partnerface.conventions import FACING_CAMERA, MOTION_NAMES
from partnerface.errors import ArtefactError
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.skinning import HeadTensors

FORMAT = "partnerface-avatar-4"
#: Formats that are read as well, and what their avatars were made of where their header does not say.
OLDER = {
    "partnerface-avatar-3": {"blendshapes": False},
    "partnerface-avatar-2": {"blendshapes": False, "weighting": "softmax"},
}
#: Formats without a motion and a neutral, which are made up for.
MOTIONLESS = ("partnerface-avatar-2",)
#: Of an avatar whose file has no motion: how many standard deviations of what it saw count as its range.
USUAL_RANGE = 2.5


@dataclass(frozen=True)
class KnownMotion:
    """What an avatar was trained on, and how it looks at rest.

    Attributes:
        motion: the training frames' parameters by MOTION_NAMES, (T, .) each.
        time_s: (T,) seconds of the training frames.
        neutral: the parameters at rest by MOTION_NAMES, (.,) each.
        face_size: of the face, 1 on average; None where the file does not tell.
        is_guess: the file is of an older format that has none of it: `neutral` is the mean of the training frames, and
            `motion` two frames that span their usual range.
    """

    motion: dict[str, np.ndarray]
    time_s: np.ndarray
    neutral: dict[str, np.ndarray]
    face_size: float | None
    is_guess: bool = False


def save_avatar(path: Path, avatar: Avatar, faces: Tensor, facts: dict[str, Any], known: KnownMotion) -> None:
    """Write an avatar.

    Args:
        path: where to.
        avatar: the trained avatar.
        faces: (F, 3) triangles of its head.
        facts: JSON types about its making (camera, mask policy, seed, versions …); kept in the file's header.
        known: its motion and neutral.
    """
    tensors = {f"model.{name}": value for name, value in avatar.state_dict().items()}
    head = avatar.surface.head
    tensors |= {f"head.{f.name}": v for f in fields(head) if (v := getattr(head, f.name)) is not None}
    tensors |= {"head.faces": faces, "head.shape": avatar.surface.shape}
    for name, whitening in (("expression", avatar.expression), ("pose", avatar.pose)):
        tensors |= {f"{name}.mean": whitening.mean, f"{name}.matrix": whitening.matrix}
    tensors |= {f"motion.{name}": torch.as_tensor(value).float() for name, value in known.motion.items()}
    tensors |= {f"neutral.{name}": torch.as_tensor(value).float() for name, value in known.neutral.items()}
    tensors |= {"motion.time_s": torch.as_tensor(known.time_s), "neutral.face_size": torch.tensor(known.face_size)}
    header = {"format": FORMAT, "config": avatar.config.to_dict(), "facts": facts}
    save_file(
        {k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()},
        path,
        {"partnerface": json.dumps(header)},
    )


def read_header(path: Path) -> dict[str, Any]:
    """The header of an avatar file: format, config, facts.

    Raises:
        ArtefactError: this is no avatar, or one of another format.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})["partnerface"])
    except (OSError, SafetensorError, KeyError, ValueError):
        raise ArtefactError(f"{path} is not an avatar file; give one that `partnerface train` wrote") from None
    if str(header.get("format")).startswith("partnerface-retrieval"):
        raise ArtefactError(f"{path} is the baseline `retrieval`, which only shows training frames; give an avatar")
    if header.get("format") not in (FORMAT, *OLDER):
        raise ArtefactError(f"{path} has format {header.get('format')}, this version reads {FORMAT}; train it again")
    return header


def read_motion(path: Path) -> KnownMotion:
    """The motion and the neutral of an avatar.

    Raises:
        ArtefactError: as `read_header`.
    """
    older = read_header(path)["format"] in MOTIONLESS
    with safe_open(path, "np") as file:
        wanted = ("expression.", "pose.") if older else ("motion.", "neutral.")
        arrays = {name: file.get_tensor(name) for name in file.keys() if name.startswith(wanted)}  # noqa: SIM118
    if older:
        return _guessed(arrays)
    return KnownMotion(
        {name: arrays[f"motion.{name}"] for name in MOTION_NAMES},
        arrays["motion.time_s"],
        {name: arrays[f"neutral.{name}"] for name in MOTION_NAMES},
        float(arrays["neutral.face_size"]),
    )


def _guessed(arrays: Mapping[str, np.ndarray]) -> KnownMotion:
    """From the whitening of the codes: features were (x - mean) @ matrix, its columns directions over deviations."""
    names, rows = FACE_NAMES, []
    for name in ("expression", "pose"):
        mean, matrix = arrays[f"{name}.mean"], arrays[f"{name}.matrix"]
        deviation = np.sqrt(((matrix / (matrix**2).sum(0)) ** 2).sum(1))
        rows.append(np.stack([mean, mean - USUAL_RANGE * deviation, mean + USUAL_RANGE * deviation]))
    face, pose = rows
    widths = [face.shape[1] - 14, 3, 2, 6, 3]
    values = dict(zip(names, np.split(face, np.cumsum(widths)[:-1], axis=1), strict=True))
    facing = axis_angle_to_matrix(torch.tensor(FACING_CAMERA))
    neck = axis_angle_to_matrix(torch.as_tensor(values["neck_pose"]).float())
    # The whitened pose is that of the whole head; the neck's share is known.
    torso = axis_angle_to_matrix(torch.as_tensor(pose[:, :3]).float()) @ facing @ neck.transpose(1, 2)
    values["global_orient"] = matrix_to_axis_angle(torso, near=torch.tensor(FACING_CAMERA)).numpy()
    values["translation"] = pose[:, 3:]
    motion = {name: values[name][1:] for name in MOTION_NAMES}
    return KnownMotion(motion, np.arange(2.0), {name: values[name][0] for name in MOTION_NAMES}, None, True)


def load_avatar(path: Path) -> Avatar:
    """Read an avatar, ready to render, onto torch's default device.

    Raises:
        ArtefactError: this is no avatar, or one of another format, or of another version's model.
    """
    header = read_header(path)
    with safe_open(path, "pt") as file:
        device = torch.get_default_device()
        tensors = {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118 (not a dict)
    head = HeadTensors(**{f.name: tensors.get(f"head.{f.name}") for f in fields(HeadTensors)})  # type: ignore[arg-type]
    config = AvatarConfig.from_dict(OLDER.get(header["format"], {}) | header["config"])
    surface = Surface(head, tensors["head.shape"], tensors["head.faces"], config.jaw_open, offsets=config.offsets)
    avatar = Avatar(
        config,
        surface,
        Whitening(tensors["expression.mean"], tensors["expression.matrix"]),
        Whitening(tensors["pose.mean"], tensors["pose.matrix"]),
        tensors["model.occupancy.hull"],
        tensors.get("model.deformation.centres", torch.empty(0, 3)),
    )
    weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    if header["format"] in MOTIONLESS:
        # Parts saw the whole code then, and a single part had an assigner too.
        known = avatar.state_dict()
        weights = known | {name: value for name, value in weights.items() if name in known}
    try:
        avatar.load_state_dict(weights)
    except RuntimeError:
        raise ArtefactError(f"{path} holds the weights of another version's model; train it again") from None
    avatar.occupancy.refresh()
    return avatar.eval()
