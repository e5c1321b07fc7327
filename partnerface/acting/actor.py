"""An avatar that is to be moved: its file, its neutral, what it saw, and its pictures. Used by drive and render."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partnerface.errors import ArtefactError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from partnerface.avatar.model import Avatar
    from partnerface.avatar.store import KnownMotion
    from partnerface.driving.neutral import Arrays, Neutral
    from partnerface.driving.reach import Reach


@dataclass
class Actor:
    """An avatar file that has been read.

    Attributes:
        path: of the file. facts: its header's. known: its motion. neutral, reach: for driving.
        step: distance of two samples on a ray, m.
    """

    path: Path
    facts: dict[str, Any]
    format: str
    config: dict[str, Any]
    known: "KnownMotion"
    neutral: "Neutral"
    reach: "Reach"
    step: float

    @classmethod
    def read(cls, path: Path, step_mm: float = 4.0) -> "Actor":
        """Read what is known of an avatar; its weights are read when it is rendered.

        Raises:
            ArtefactError: it is no avatar, of a format that can't be read, or too old to be driven.
        """
        from partnerface.avatar.store import read_header, read_motion
        from partnerface.driving.neutral import Neutral
        from partnerface.driving.reach import Reach
        from partnerface.driving.transfer import away

        header, known = read_header(path), read_motion(path)
        size = known.face_size or _builtin_size(path, header["facts"])
        neutral = Neutral({name: value.astype("float64") for name, value in known.neutral.items()}, size)
        return cls(
            path,
            header["facts"],
            header["format"],
            header["config"],
            known,
            neutral,
            Reach.of(away(known.motion, neutral)),
            step_mm / 1000,
        )

    @property
    def head(self) -> str:
        """The name of its head model."""
        return str(self.facts["head"])

    @property
    def expression_names(self) -> tuple[str, ...]:
        """Its head's expression components."""
        if "expression_names" in self.facts:
            return tuple(self.facts["expression_names"])
        from partnerface.head.builtin import builtin_head  # an older file; that it is of this head was checked

        return builtin_head().expression_names

    @property
    def notes(self) -> list[str]:
        """What is to be said of the file before it is used."""
        old = f"{self.path} has the format {self.format}, which holds no neutral: the mean of its training serves"
        return [f"{old}; train it again for a better one"] if self.known.is_guess else []

    def pictures(self, relative: "Arrays", size: int | None = None, start: int = 0) -> Iterator["np.ndarray"]:
        """(H, W, 3) uint8 of a motion relative to its neutral, by its own camera.

        Args:
            relative: T frames.
            size: longer edge in px; None is its own.
            start: the frame to begin with.
        """
        from partnerface.avatar.pictures import scaled_camera
        from partnerface.driving.transfer import onto

        height, width = self.facts["size"]
        camera, height, width = scaled_camera(self.facts["camera"], (height, width), size or max(height, width))
        return self.rendered(onto(relative, self.neutral), camera, height, width, start)

    def rendered(
        self, motion: "Arrays", camera: "Tensor", height: int, width: int, start: int = 0
    ) -> Iterator["np.ndarray"]:
        """(height, width, 3) uint8 of a motion (MOTION_NAMES, T frames) by a camera, one K or one for each frame, from
        the frame `start` on."""
        import torch

        from partnerface.avatar.motion import Motion
        from partnerface.avatar.pictures import pictures
        from partnerface.kernels import prepare
        from partnerface.kernels.backend import on_compute_device

        prepare()
        with on_compute_device():
            avatar = self.load()
            background = torch.tensor(self.facts["background"], dtype=torch.float32)
            device = torch.get_default_device()
            rest = Motion.from_arrays({name: value[start:] for name, value in motion.items()})
            cameras = camera if camera.ndim == 2 else camera[start:]
            yield from pictures(avatar, rest, cameras.to(device), height, width, background, self.step)

    def load(self) -> "Avatar":
        """The avatar itself, onto torch's default device."""
        from partnerface.avatar.store import load_avatar

        return load_avatar(self.path)


def within_reach(actor: Actor, relative: "Arrays", beyond: float) -> "Arrays":
    """A relative motion held softly within what the avatar saw (see `driving.reach`); says so where that is much."""
    limited = actor.reach.limited(relative, beyond)
    share, names = actor.reach.lost(relative, limited)
    if names:
        print(
            f"in {share:.0%} of the frames the motion goes well beyond what the avatar saw in training "
            f"({', '.join(names)}), and is held back; --beyond lets more through",
            file=sys.stderr,
        )
    return limited


def _builtin_size(path: Path, facts: dict[str, Any]) -> float:
    """The size of the face of an older file, which holds its head's surface but not where the landmarks lie on it."""
    import dataclasses

    import numpy as np
    from safetensors import safe_open

    from partnerface.driving.neutral import face_size
    from partnerface.head.builtin import builtin_head

    head = builtin_head()
    if facts.get("head") != head.name:
        raise ArtefactError(f"{path} is too old to be driven with the head {facts.get('head')}; train it again")
    with safe_open(path, "np") as file:
        arrays = {name: file.get_tensor(f"head.{name}") for name in ("template", "shape_basis", "shape")}
    own = dataclasses.replace(head, template=arrays["template"], shape_basis=arrays["shape_basis"])
    return face_size(own, np.asarray(arrays["shape"]))
