"""Render the held-out frames of one run, and some training frames to show the gap."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partnerface.artefacts import SubjectFolder, check, write, write_npz
from partnerface.artefacts.layout import DatasetFolder
from partnerface.config.settings import RenderSettings

HELP = """Render the held-out frames. Reads dataset/ and <run>/avatar.safetensors, writes <run>/renders.npy (8-bit
frames), <run>/renders.npz (which frames they are) and <run>/heldout.mp4 (truth, render and error side by side).

With -o it is no stage: it renders an avatar from new directions, or with a face that nobody made, into one file."""
EPILOG = """examples:
  partnerface render results/me --run partnerface
  partnerface render results/me/partnerface --orbit 30 -o orbit.mp4
  partnerface render results/me/partnerface --edit smile=1 -o smile.png
  partnerface render avatar.safetensors --edit jaw_open=0.5,gaze_yaw=15 --seconds 3 -o said.mp4"""

SETTINGS = RenderSettings

#: The error picture shows |render - truth| times this.
ERROR_GAIN = 4.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subject's folder and the run."""
    parser.add_argument(
        "subject", type=Path, metavar="SUBJECT_DIR", help="results/<subject>; with -o also an avatar.safetensors"
    )
    parser.add_argument(
        "--run", default="partnerface", metavar="METHOD[/seedN]", help="the run whose avatar is rendered"
    )


def _wanted(dataset: Any, settings: RenderSettings) -> Any:
    """Positions to render: held-out frames (every n-th of each split) and evenly spread training frames."""
    import numpy as np

    wanted = {int(i) for positions in dataset.splits.values() for i in positions[:: settings.heldout_every]}
    train = dataset.train
    if settings.train_frames and len(train):
        spread = np.linspace(0, len(train) - 1, min(settings.train_frames, len(train))).round().astype(int)
        wanted |= {int(i) for i in train[spread]}
    return np.array(sorted(wanted), dtype=np.int64)


def _pictures(dataset: Any, path: Path, method: str, positions: Any, settings: RenderSettings) -> Iterator[Any]:
    """(H, W, 3) uint8 of each position."""
    from partnerface.avatar.pictures import pictures
    from partnerface.avatar.retrieval import NAME, load_retrieval, nearest
    from partnerface.avatar.store import load_avatar

    if method == NAME:
        table, frames = load_retrieval(path)
        for position in positions:
            yield dataset.rgb[nearest(dataset.values["landmarks"][position], table, frames, int(position))]
        return
    motion, camera, (height, width) = dataset.motion.take(positions), dataset.camera[positions], dataset.size
    yield from pictures(load_avatar(path), motion, camera, height, width, dataset.background, settings.step_mm / 1000)


def run(args: argparse.Namespace, settings: RenderSettings) -> None:
    """Render and write."""
    from partnerface.kernels import prepare
    from partnerface.kernels.backend import on_compute_device

    prepare()
    with on_compute_device():
        _run(args, settings)


def _run(args: argparse.Namespace, settings: RenderSettings) -> None:
    import numpy as np

    from partnerface.artefacts.arrays import npy_writer, open_npy
    from partnerface.progress import track
    from partnerface.training.dataset import Dataset
    from partnerface.video.encode import encode

    folder = SubjectFolder(args.subject)
    into = folder.run(args.run)
    dataset = Dataset.load(folder.dataset)
    inputs = [into.avatar, DatasetFolder(folder.dataset).parameters]
    check(into.avatar, "train")
    positions = _wanted(dataset, settings)
    height, width = dataset.size
    pictures = _pictures(dataset, into.avatar, args.run.split("/")[0], positions, settings)
    with (
        write(into.renders, "render", inputs) as temporary,
        npy_writer(temporary, (len(positions), height, width, 3), "uint8") as append,
    ):
        for picture in track(pictures, "render", len(positions)):
            append(picture)
    out = open_npy(into.renders, "render")
    write_npz(into.render_index, {"frame_index": positions}, "render", inputs)

    heldout = np.zeros(len(dataset.rgb), bool)
    for split in dataset.splits.values():
        heldout[split] = True
    shown = np.flatnonzero(heldout[positions]) if heldout.any() else np.arange(len(positions))

    def side_by_side() -> Iterator[np.ndarray]:
        for i in shown:
            truth, picture = dataset.rgb[positions[i]], out[i]
            error = np.abs(truth.astype(np.float32) - picture.astype(np.float32)) * ERROR_GAIN
            yield np.concatenate([truth, picture, error.clip(0, 255).astype(np.uint8)], axis=1)

    fps = float(dataset.values["fps"]) / settings.heldout_every
    with write(into.video, "render", inputs) as temporary:
        encode(temporary, side_by_side(), fps, (3 * width, height))
