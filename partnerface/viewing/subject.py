"""What is looked at: an avatar with its file's facts, and the tracked clip that it can be played by."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from partnerface.artefacts import SubjectFolder
from partnerface.artefacts.foreign import read_npz
from partnerface.artefacts.layout import DatasetFolder, RunFolder, find_avatar
from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion
from partnerface.avatar.store import load_avatar, read_header, read_motion
from partnerface.conventions import MOTION_NAMES
from partnerface.errors import InputError
from partnerface.head.builtin import NAME as BUILTIN
from partnerface.head.builtin.expressions import component_names
from partnerface.viewing.known import Known, summary

#: Frames per second of a clip that says nothing of its times.
FPS = 25.0


@dataclass
class Clip:
    """A tracked clip: its name for the page, T frames of motion, and the seconds (T,) at which they are shown."""

    name: str
    motion: Motion
    time_s: np.ndarray


@dataclass
class Subject:
    """An avatar, ready to render, and what its file says of it.

    Attributes:
        name: for the page.
        camera: [3, 3] K at `size` = (height, width). background: [3] sRGB. step: distance of two samples, m.
        expression_names: one per component. known: its neutral and its ranges.
        own: the training frames, where the file holds their motion.
    """

    name: str
    avatar: Avatar
    facts: dict[str, Any]
    camera: Tensor
    size: tuple[int, int]
    background: Tensor
    step: float
    expression_names: tuple[str, ...]
    known: Known
    own: Clip | None


def load_subject(path: Path) -> Subject:
    """Read an avatar, onto torch's default device.

    Args:
        path: see `find_avatar`.

    Raises:
        InputError: there is no such file.
        ArtefactError: it is no avatar, or one of another format, such as the table of the baseline `retrieval`.
    """
    file = find_avatar(path)
    facts = read_header(file)["facts"]
    avatar = load_avatar(file)
    parents = file.resolve().parents
    return Subject(
        f"{parents[1].name} · {parents[0].name}" if file.name == RunFolder(path).avatar.name else file.stem,
        avatar,
        facts,
        torch.tensor(facts["camera"], dtype=torch.float32),
        (int(facts["size"][0]), int(facts["size"][1])),
        torch.tensor(facts["background"], dtype=torch.float32),
        float(facts["settings"]["step_mm"]) / 1000,
        _names(facts, avatar.surface.head.expression_basis.shape[2]),
        *_motion(file, avatar),
    )


def _motion(file: Path, avatar: Avatar) -> tuple[Known, Clip | None]:
    held = read_motion(file)
    motion = Motion.from_arrays(held.motion)
    device = avatar.surface.rest.device
    rest = Motion.from_arrays({name: value[None] for name, value in held.neutral.items()})
    rest = Motion(**{name: value.to(device) for name, value in vars(rest).items()})
    own = None if held.is_guess else Clip("training frames", motion, held.time_s - held.time_s[0])
    return summary(motion, rest), own


def _names(facts: dict[str, Any], count: int) -> tuple[str, ...]:
    names: Sequence[str] = facts.get("expression_names", ())
    if not names and facts.get("head") == BUILTIN:
        names = component_names()  # Where the header does not hold them.
    return tuple(names) if len(names) == count else tuple(f"expression_{i + 1}" for i in range(count))


def load_clip(path: Path, subject: Subject) -> Clip:
    """Read a tracked clip.

    Args:
        path: tracking.npz, or a folder that holds one: a subject's or a dataset.
        subject: whose head must be the one that the clip was tracked with.

    Raises:
        InputError: there is none, or it does not fit the avatar's head.
    """
    places = [DatasetFolder(path).parameters, SubjectFolder(path).tracking] if path.is_dir() else [path]
    file = next((place for place in places if place.is_file()), None)
    again = "give the tracking.npz or the dataset folder that a stage wrote"
    if file is None:
        raise InputError(f"--motion {path} {'holds no tracked clip' if path.is_dir() else 'does not exist'}; {again}")
    arrays = read_npz(file, again)
    _check(arrays, file, subject, again)
    motion = Motion.from_arrays({name: arrays[name] for name in MOTION_NAMES})
    frames = len(motion)
    time = np.asarray(arrays.get("time_s", np.arange(frames) / float(arrays.get("fps", FPS))), dtype=np.float64)
    if time.shape != (frames,) or not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise InputError(f"{file} has no rising time for each of its {frames} frames; {again}")
    inner = file.resolve().parent
    return Clip((inner.parent if inner.name == "dataset" else inner).name, motion, time - time[0])


def _check(arrays: dict[str, Any], file: Path, subject: Subject, again: str) -> None:
    components = len(subject.expression_names)
    widths = dict.fromkeys(MOTION_NAMES, 3) | {"expression": components, "eye_pose": 6, "eyelids": 2}
    frames = len(arrays["expression"]) if np.ndim(arrays.get("expression", 0)) == 2 else 0
    tracked, head = str(arrays.get("head_name", "")), str(subject.facts.get("head", ""))
    if tracked and head and tracked != head:
        raise InputError(
            f"{file} was tracked with the head {tracked}, this avatar has {head}; codes of different heads mean "
            "different things: track the clip with the avatar's head"
        )
    for name, width in widths.items():
        value = np.asarray(arrays.get(name, 0))
        if value.dtype.kind != "f" or value.shape != (frames, width) or not frames:
            raise InputError(f"{file} lacks {name} of the shape ({frames or 'frames'}, {width}); {again}")
        if not np.isfinite(value).all():
            raise InputError(f"{file}: {name} holds values that are no numbers; {again}")
