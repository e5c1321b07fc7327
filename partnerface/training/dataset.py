"""The dataset folder: all that training, rendering and evaluation need."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from partnerface.artefacts import read_npz
from partnerface.artefacts.arrays import StoredArray, open_npy
from partnerface.artefacts.layout import DatasetFolder
from partnerface.avatar.motion import Motion
from partnerface.errors import ArtefactError
from partnerface.head.model import HeadModel

STAGE = "dataset"


@dataclass
class Dataset:
    """results/<subject>/dataset/.

    Attributes:
        rgb: (N, H, W, 3) uint8 sRGB over the background, on disk.
        alpha: (N, H, W) uint8 mask of the policy, on disk.
        classes: (N, H, W) uint8, positions in conventions.CLASS_NAMES, on disk.
        values: the arrays of dataset.npz by name.
        head: the head model.
    """

    rgb: StoredArray
    alpha: StoredArray
    classes: StoredArray
    values: dict[str, np.ndarray]
    head: HeadModel

    @classmethod
    def load(cls, folder: Path) -> "Dataset":
        """Read a dataset folder.

        Raises:
            ArtefactError: a file is missing or damaged, or they do not belong together.
        """
        names = DatasetFolder(folder)
        rgb = open_npy(names.rgb, STAGE)
        alpha = open_npy(names.alpha, STAGE)
        classes = open_npy(names.classes, STAGE)
        values = read_npz(names.parameters, STAGE)
        if not len(rgb) == len(alpha) == len(classes) == len(values["frame"]):
            raise ArtefactError(f"{folder} mixes files of different runs; run `partnerface {STAGE}` again")
        return cls(rgb, alpha, classes, values, HeadModel.load(names.head, STAGE))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[1], self.rgb.shape[2]

    @property
    def camera(self) -> Tensor:
        """[N, 3, 3] K of each frame."""
        return torch.as_tensor(self.values["K"], dtype=torch.float32)

    @property
    def background(self) -> Tensor:
        """[3] sRGB."""
        return torch.as_tensor(self.values["background"], dtype=torch.float32)

    @property
    def shape(self) -> Tensor:
        """(S,) the subject's shape."""
        return torch.as_tensor(self.values["shape"], dtype=torch.float32)

    @property
    def motion(self) -> Motion:
        """The motion of all N frames."""
        return Motion.from_arrays(self.values)

    @property
    def train(self) -> np.ndarray:
        """Positions of the training frames."""
        return np.flatnonzero(self.values["train"])

    @property
    def splits(self) -> dict[str, np.ndarray]:
        """Positions of each split's held-out frames, by the split's name."""
        return {
            str(name): np.flatnonzero(mask)
            for name, mask in zip(self.values["splits"], self.values["heldout"], strict=True)
        }
