"""A real training of the default method, and pictures of the avatar that comes of it."""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import torch

from partnerface.artefacts import SubjectFolder
from partnerface.avatar.methods import METHODS
from partnerface.avatar.model import Avatar
from partnerface.avatar.store import load_avatar
from partnerface.bench.drawn import drawn_subject
from partnerface.bench.result import REFERENCE, Result, result, say, timed
from partnerface.bench.rows import TRAINING, Sizes
from partnerface.config.settings import TrainSettings
from partnerface.geometry.camera import crop_intrinsics
from partnerface.kernels.backend import forced, on_compute_device, used
from partnerface.stages import train
from partnerface.training.dataset import Dataset

METHOD = "partnerface"
#: Steps that are timed, from the middle of the training on; and measurements of the reference.
STEPS, REFERENCE_REPEATS = 20, 2


def training(
    wanted: set[str], sizes: Sizes, repeats: int, root: Path, subject: SubjectFolder | None
) -> tuple[list[str], list[Result]]:
    """Train, and measure a step and pictures.

    Args:
        wanted: names of rows; those of other groups are left alone.
        sizes: of the work. repeats: how many pictures of each size are rendered.
        root: a folder to work in.
        subject: with a dataset; None draws a head.

    Returns:
        What was trained on, in words, and the rows.
    """
    who = "the clip" if subject else "a drawn head"
    if subject is None:
        say("drawing a head")
        subject = drawn_subject(root / "drawn", sizes.drawn, sizes.dataset)
    settings = TrainSettings(steps=sizes.steps, rays=sizes.rays, step_mm=sizes.step_mm)
    train.run(argparse.Namespace(subject=subject.root, run=METHOD, seed=0, processes=1), settings)
    with on_compute_device():
        dataset = Dataset.load(subject.dataset)
        found = _measured(wanted, sizes, repeats, dataset, load_avatar(subject.run(METHOD).avatar), settings)
    line = (
        f"training  {sizes.steps} steps of {sizes.rays} rays on {len(dataset.train)} frames of {who} at "
        f"{dataset.size[0]} px; {sizes.step_mm:g} mm between samples"
    )
    return [line], found


def _measured(
    wanted: set[str], sizes: Sizes, repeats: int, dataset: Dataset, avatar: Avatar, settings: TrainSettings
) -> list[Result]:
    """The rows of an avatar that was trained."""
    found = []
    if "train_step" in wanted:
        say("train_step")
        trainer = train.made(dataset, METHODS[METHOD], 0, settings)
        trainer.avatar.load_state_dict(avatar.state_dict())
        trainer.avatar.occupancy.refresh()
        trainer.at.step = sizes.steps // 2
        seconds, plain = _both(lambda n: timed(trainer.step, n), STEPS)
        found.append(result("train_step", used(), seconds, sizes.rays, "rays/s", **_beside(plain, seconds)))
    pictures = [name for name in TRAINING if name.startswith("render_")]
    # Each size has poses of its own: an avatar remembers those that it has taken.
    poses = torch.linspace(0, len(dataset.rgb) - 1, len(pictures) * (repeats + 1)).long().unique().tolist()
    for k, name in enumerate(pictures):
        if name in wanted:
            own, edge = poses[k :: len(pictures)], int(name.removeprefix("render_"))
            say(f"{name}, {len(own) - 1} pictures")

            def pictured(count: int, own=own, edge=edge) -> list[float]:
                return render_seconds(avatar, dataset, own[: count + 1], edge, sizes.step_mm / 1000)

            seconds, plain = _both(pictured, len(own) - 1)
            found.append(result(name, used(), seconds, 1, "frames/s", **_beside(plain, seconds)))
    return found


def _both(measured: Callable[[int], list[float]], repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of some calls in the form of the ops that is in use, and of a few in the reference."""
    seconds = measured(repeats)
    if used() == REFERENCE:
        return seconds, seconds
    with forced(REFERENCE):
        return seconds, measured(min(repeats, REFERENCE_REPEATS))


def _beside(plain: list[float], seconds: list[float]) -> dict[str, float]:
    """The columns that compare with the reference."""
    reference = statistics.median(plain)
    return {"ratio_to_reference": reference / statistics.median(seconds), "reference_s": reference}


def render_seconds(avatar: Avatar, dataset: Dataset, poses: list[int], edge: int, step: float) -> list[float]:
    """Time of a picture of `edge` px in each of some poses of the dataset but the first, which warms up, s.

    Args:
        avatar: of this dataset; it poses the head anew for each.
        step: distance of two samples on a ray, m.
    """
    motion, camera, scale = dataset.motion, dataset.values["K"], edge / dataset.size[0]
    seconds = []
    for pose in poses:
        k = torch.as_tensor(crop_intrinsics(camera[pose], 0, 0, scale), dtype=torch.float32)
        here = motion.take([pose])
        seconds += timed(lambda here=here, k=k: avatar.image(here, k, edge, edge, dataset.background, step), 1)
    return seconds[1:]
