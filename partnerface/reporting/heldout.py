"""The report on the held-out frames: the best, the middle and the worst of each split beside the renders."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from partnerface.artefacts.arrays import open_npy
from partnerface.artefacts.files import read_npz
from partnerface.artefacts.layout import DatasetFolder, RunFolder, SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting.assets import Media, Missing, Shelf
from partnerface.reporting.results import Group, Run, first_runs

#: The error map is white-hot from this mean absolute error on.
ERROR_TOP = 0.25
#: Renders are shown of this many methods at most, the lead and `retrieval` first.
SHOWN_METHODS = 6


@dataclass(frozen=True)
class Shown:
    """One method's render of one frame."""

    method: str
    colour: int
    psnr: float | None
    render: Media
    error: Media


@dataclass(frozen=True)
class Example:
    """One held-out frame: which, why, the truth and the renders."""

    rank: str
    frame: int
    truth: Media
    shown: tuple[Shown, ...]


@dataclass(frozen=True)
class HeldOut:
    """Examples of each split, and per split what the best shift of each of the lead's frames would give back, in dB of
    PSNR over the whole image."""

    lead: str
    splits: tuple[tuple[str, tuple[Example, ...]], ...]
    scale: Media
    top: float
    unshown: tuple[str, ...]
    registration: tuple[tuple[str, float], ...] = ()

    missing = False


def held_out(shelf: Shelf, subject: SubjectFolder, group: Group, colours: Mapping[str, int]) -> HeldOut | Missing:
    """Choose frames by the lead's PSNR over the whole image and show every method's render of them."""
    runs = first_runs(group)
    lead = next(iter(runs))
    try:
        dataset = DatasetFolder(subject.dataset)
        truth = open_npy(dataset.rgb, "dataset")
        position_of = {int(frame): i for i, frame in enumerate(read_npz(dataset.parameters, "dataset")["frame"])}
        shown = {method: _Renders(run.folder) for method, run in list(runs.items())[:SHOWN_METHODS]}
    except ArtefactError as error:
        return Missing(shelf.say(error))
    splits = []
    for split in group.protocol["comparable"]["splits"]:
        values = runs[lead].values.get((split, "full", "psnr"), {})
        if split == "train" or not values:
            continue
        examples = []
        for rank, frame in picked(values):
            position = position_of[frame]
            image = np.asarray(truth[position])
            cells = []
            for method, renders in shown.items():
                render = renders.of(position)
                if render is not None:
                    psnr = runs[method].values.get((split, "full", "psnr"), {}).get(frame)
                    error = shelf.array(error_map(image, render))
                    cells.append(Shown(method, colours[runs[method].name], psnr, shelf.array(render), error))
            examples.append(Example(rank, frame, shelf.array(image), tuple(cells)))
        splits.append((split, tuple(examples)))
    if not splits:
        return Missing("no held-out frame was measured; run `partnerface evaluate` again")
    ramp = colour_of(np.broadcast_to(np.linspace(0, ERROR_TOP, 256), (8, 256)))
    unshown = tuple(list(runs)[SHOWN_METHODS:])
    gains = tuple((split, gain) for split, _ in splits if (gain := registration_gain(runs[lead], split)) is not None)
    return HeldOut(lead, tuple(splits), shelf.array(ramp, 95), ERROR_TOP, unshown, gains)


def registration_gain(run: Run, split: str) -> float | None:
    """Mean over the frames of what PSNR gains by the best shift of each frame, dB; None where it was not measured."""
    plain, moved = (run.values.get((split, "full", metric), {}) for metric in ("psnr", "psnr_shifted"))
    gains = [moved[frame] - plain[frame] for frame in plain if frame in moved]
    return float(np.mean(gains)) if gains else None


class _Renders:
    """A run's renders by position in the dataset."""

    def __init__(self, folder: RunFolder):
        self.images = open_npy(folder.renders, "render")
        index = read_npz(folder.render_index, "render")["frame_index"]
        self.row = {int(position): row for row, position in enumerate(index)}

    def of(self, position: int) -> np.ndarray | None:
        return np.asarray(self.images[self.row[position]]) if position in self.row else None


def picked(values: Mapping[int, float]) -> list[tuple[str, int]]:
    """The best, the median and the worst frame by a value of which more is better; each frame once."""
    order = sorted(values, key=lambda frame: (-values[frame], frame))
    chosen: dict[int, str] = {}
    for rank, index in (("best", 0), ("median", len(order) // 2), ("worst", len(order) - 1)):
        chosen.setdefault(order[index], rank)
    return [(rank, frame) for frame, rank in chosen.items()]


def error_map(truth: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Mean absolute error over the channels as colours, (H, W, 3) uint8, of two such images."""
    return colour_of(np.abs(truth.astype(np.float32) - image.astype(np.float32)).mean(2) / 255)


def colour_of(error: np.ndarray) -> np.ndarray:
    """Colours (uint8) of errors in [0, 1]: black is none, white is `ERROR_TOP` or more."""
    from matplotlib import colormaps

    return (colormaps["magma"](np.clip(error / ERROR_TOP, 0, 1))[..., :3] * 255 + 0.5).astype(np.uint8)
