"""A real training of the default method, and pictures of the avatar that comes of it."""

import argparse
import itertools
import json
from pathlib import Path

import torch

from partnerface.artefacts import SubjectFolder
from partnerface.avatar.model import Avatar
from partnerface.avatar.store import load_avatar
from partnerface.bench.drawn import drawn_subject
from partnerface.bench.result import REFERENCE, Result, result, say, timed
from partnerface.bench.rows import TRAINING, Sizes
from partnerface.config.settings import TrainSettings
from partnerface.geometry.camera import crop_intrinsics
from partnerface.stages import train
from partnerface.training.dataset import Dataset

METHOD = "partnerface"


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
    train.run(argparse.Namespace(subject=subject.root, run=METHOD, seed=0), settings)
    found = []
    if "train_step" in wanted:
        seconds = step_seconds(subject.run(METHOD).log, sizes.steps)
        found.append(result("train_step", REFERENCE, seconds, 1, "steps/s", ratio_to_reference=1.0))
    dataset = Dataset.load(subject.dataset)
    pictures = [name for name in TRAINING if name.startswith("render_")]
    avatar = load_avatar(subject.run(METHOD).avatar) if wanted & set(pictures) else None
    # Each size has poses of its own: an avatar remembers those that it has taken.
    poses = torch.linspace(0, len(dataset.rgb) - 1, len(pictures) * (repeats + 1)).long().unique().tolist()
    for k, name in enumerate(pictures):
        if avatar is not None and name in wanted:
            own, edge = poses[k :: len(pictures)], int(name.removeprefix("render_"))
            say(f"{name}, {len(own) - 1} pictures")
            seconds = render_seconds(avatar, dataset, own, edge, sizes.step_mm / 1000)
            found.append(result(name, REFERENCE, seconds, 1, "frames/s", ratio_to_reference=1.0))
    line = (
        f"training  {sizes.steps} steps of {sizes.rays} rays on {len(dataset.train)} frames of {who} at "
        f"{dataset.size[0]} px; {sizes.step_mm:g} mm between samples"
    )
    return [line], found


def step_seconds(log: Path, steps: int) -> list[float]:
    """Time of a step in each stretch between two lines of train.jsonl, s.

    Only the second half of the training is looked at: before, the empty space around the head is not known yet.
    """
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    late = [line for line in lines if 2 * line["step"] >= steps]
    return [(b["seconds"] - a["seconds"]) / (b["step"] - a["step"]) for a, b in itertools.pairwise(late)]


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
