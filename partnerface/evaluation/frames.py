"""What is compared: the true frames of a dataset, the rendered ones of a run, and which split each belongs to."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from partnerface.artefacts.arrays import StoredArray, open_npy
from partnerface.artefacts.files import read_npz
from partnerface.artefacts.layout import DatasetFolder, RunFolder
from partnerface.errors import ArtefactError

TRAIN = "train"


@dataclass(frozen=True)
class Frames:
    """A dataset and a run's renders of it; the images stay on disk.

    Attributes:
        truth: (N, h, w, 3) uint8 sRGB over the dataset's background.
        classes: (N, h, w) uint8.
        rendered: (M, h, w, 3) uint8.
        position: (M,) where in the dataset each rendered frame lies.
        arrays: dataset.npz.
    """

    truth: StoredArray
    classes: StoredArray
    rendered: StoredArray
    position: np.ndarray
    arrays: dict[str, np.ndarray]

    def landmarks(self, position: int) -> np.ndarray | None:
        """The true landmarks (478, 2) px of one frame of the dataset; None where tracking had none and bridged over."""
        bridged = self.arrays.get("bridged")
        if bridged is not None and bridged[position]:
            return None
        return self.arrays["landmarks"][position]

    def splits(self) -> dict[str, np.ndarray]:
        """Split → (N,) bool over the dataset: its held-out splits, and `train`."""
        definitions = [str(name) for name in self.arrays["splits"]]
        held_out = dict(zip(split_names(definitions), np.asarray(self.arrays["heldout"], bool), strict=True))
        return {**held_out, TRAIN: np.asarray(self.arrays["train"], bool)}

    def definitions(self) -> dict[str, str]:
        """Split → its definition (`tail` → `tail:0.2`)."""
        definitions = [str(name) for name in self.arrays["splits"]]
        names, settings = split_names(definitions), self.arrays.get("split_settings", ())
        if len(settings) == len(names):  # a file of splits is one setting and several splits
            definitions = [str(setting) for setting in settings]
        return {
            **dict(zip(names, definitions, strict=True)),
            TRAIN: "rendered sample of the frames that are in no held-out split and no guard band",
        }


def split_names(definitions: list[str]) -> list[str]:
    """The names that tables show: the part before the colon, or all of it where two splits share that part."""
    short = [definition.split(":", 1)[0] for definition in definitions]
    count = Counter(short)
    return [name if count[name] == 1 else definition for name, definition in zip(short, definitions, strict=True)]


def read_frames(dataset: DatasetFolder, run: RunFolder) -> Frames:
    """Open a dataset and a run's renders.

    Raises:
        ArtefactError: a file is missing or damaged, or the renders do not fit the dataset.
    """
    arrays = read_npz(dataset.parameters, "dataset")
    truth = open_npy(dataset.rgb, "dataset")
    classes = open_npy(dataset.classes, "dataset")
    rendered = open_npy(run.renders, "render")
    position = read_npz(run.render_index, "render")["frame_index"].astype(int)
    if rendered.shape[1:] != truth.shape[1:]:
        raise ArtefactError(
            f"{run.renders} has images of {rendered.shape[1:]}, the dataset of {truth.shape[1:]}; "
            "run `partnerface render` again"
        )
    outside = ((position < 0) | (position >= len(truth))).any()
    if len(position) != len(rendered) or outside or len(set(position.tolist())) != len(position):
        raise ArtefactError(f"{run.render_index} does not fit {run.renders}; run `partnerface render` again")
    return Frames(truth, classes, rendered, position, arrays)
