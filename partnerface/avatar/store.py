"""avatar.safetensors: one file that holds the trained avatar, its head and what is known of its making."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from partnerface.avatar.methods import AvatarConfig
from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Whitening
from partnerface.avatar.surface import Surface
from partnerface.errors import ArtefactError
from partnerface.head.skinning import HeadTensors

FORMAT = "partnerface-avatar-2"


def save_avatar(path: Path, avatar: Avatar, faces: Tensor, facts: dict[str, Any]) -> None:
    """Write an avatar.

    Args:
        path: where to.
        avatar: the trained avatar.
        faces: (F, 3) triangles of its head.
        facts: JSON types about its making (camera, mask policy, seed, versions …); kept in the file's header.
    """
    tensors = {f"model.{name}": value for name, value in avatar.state_dict().items()}
    head = avatar.surface.head
    tensors |= {f"head.{f.name}": v for f in fields(head) if (v := getattr(head, f.name)) is not None}
    tensors |= {"head.faces": faces, "head.shape": avatar.surface.shape}
    for name, whitening in (("expression", avatar.expression), ("pose", avatar.pose)):
        tensors |= {f"{name}.mean": whitening.mean, f"{name}.matrix": whitening.matrix}
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
    if header.get("format") != FORMAT:
        raise ArtefactError(f"{path} has format {header.get('format')}, this version reads {FORMAT}; train it again")
    return header


def load_avatar(path: Path) -> Avatar:
    """Read an avatar, ready to render, onto torch's default device.

    Raises:
        ArtefactError: this is no avatar, or one of another format.
    """
    header = read_header(path)
    with safe_open(path, "pt") as file:
        device = torch.get_default_device()
        tensors = {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118 (not a dict)
    head = HeadTensors(**{f.name: tensors.get(f"head.{f.name}") for f in fields(HeadTensors)})  # type: ignore[arg-type]
    config = AvatarConfig.from_dict(header["config"])
    surface = Surface(head, tensors["head.shape"], tensors["head.faces"], config.jaw_open, offsets=config.offsets)
    avatar = Avatar(
        config,
        surface,
        Whitening(tensors["expression.mean"], tensors["expression.matrix"]),
        Whitening(tensors["pose.mean"], tensors["pose.matrix"]),
        tensors["model.occupancy.hull"],
        tensors.get("model.deformation.centres", torch.empty(0, 3)),
    )
    avatar.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    avatar.occupancy.refresh()
    return avatar.eval()
