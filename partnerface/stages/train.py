"""Train one method on one subject."""

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partnerface.artefacts import SubjectFolder, write
from partnerface.artefacts.files import read_stamp
from partnerface.artefacts.layout import DatasetFolder
from partnerface.config.flags import to_flags
from partnerface.config.settings import TrainSettings
from partnerface.errors import InputError
from partnerface.stopping import told_to_stop

if TYPE_CHECKING:
    from partnerface.avatar.methods import Method
    from partnerface.avatar.store import KnownMotion
    from partnerface.training.dataset import Dataset
    from partnerface.training.loop import Trainer
    from partnerface.training.ranks import Ranks

HELP = """Train an avatar. Reads dataset/, writes <run>/avatar.safetensors and <run>/train.jsonl.

Two stages: first every sample is deformed by the one local MLP of its place on the head while the part assigner learns
that partition; then assigner, local MLPs and the canonical field are freed together. A killed training goes on where
it was: its state is written every few seconds to <run>/state/, and at once when a scheduler says by SIGTERM that the
job has to go; the exit status is then 75."""

SETTINGS = TrainSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subject's folder and the run."""
    parser.add_argument("subject", type=Path, metavar="SUBJECT_DIR", help="results/<subject>, holding dataset/")
    parser.add_argument(
        "--run", default="partnerface", metavar="METHOD[/seedN]", help="method to train, and the folder it is left in"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of all random choices")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="processes that share it, one for each GPU [default: 1]"
    )


def _facts(dataset: "Dataset", method: str, seed: int, settings: TrainSettings, inputs: list[Path]) -> dict[str, Any]:
    """What an avatar's file says of its making, as JSON types."""
    import torch

    from partnerface import __version__
    from partnerface.head.licence import licence_of

    values, head = dataset.values, dataset.head
    stamps = {path.name: read_stamp(path) for path in inputs}
    return {
        "method": method,
        "seed": seed,
        "settings": asdict(settings),
        # Its own camera is that of its first frame: clips of one subject differ in the crop alone.
        "camera": values["K"][0].tolist(),
        "size": list(dataset.size),
        "background": values["background"].tolist(),
        "colour_space": "sRGB",
        "mask_policy": str(values["mask_policy"]),
        "fps": float(values["fps"]),
        "crop": values["crop"].tolist() if "crop" in values else [],
        "head": head.name,
        "expression_names": list(head.expression_names),
        "licences": [f"head {head.name}: {licence_of(head.name)}", *map(str, values.get("licences", []))],
        "splits": [str(name) for name in values["splits"]],
        "training_frames": len(dataset.train),
        "sha256": {name: stamp["sha256"] for name, stamp in stamps.items()},
        "made_from": stamps[DatasetFolder(Path()).rgb.name]["inputs"],
        "version": __version__,
        "torch": torch.__version__,
    }


def _known(dataset: "Dataset") -> "KnownMotion":
    """The motion and the neutral of the training frames, for whoever drives the avatar."""
    import torch

    from partnerface.avatar.store import KnownMotion
    from partnerface.conventions import MOTION_NAMES
    from partnerface.driving.neutral import find_neutral

    values, frames = dataset.values, dataset.train
    with torch.device("cpu"):  # numpy in and out, wherever the training computes
        neutral = find_neutral(dataset.head, values, frames)
    motion = {name: values[name][frames] for name in MOTION_NAMES}
    return KnownMotion(motion, values["time_s"][frames], neutral.values, neutral.size)


def made(
    dataset: "Dataset", method: "Method", seed: int, settings: TrainSettings, ranks: "Ranks | None" = None
) -> "Trainer":
    """A trainer of an untrained avatar on a dataset, which `ranks` share."""
    import numpy as np
    import torch

    from partnerface.avatar.build import build_avatar
    from partnerface.avatar.methods import AvatarConfig
    from partnerface.training.loop import Trainer
    from partnerface.training.sampler import RaySampler

    torch.manual_seed(seed)
    config = method.avatar
    # Methods that are told by their number of parts keep it.
    if settings.parts is not None and config.parts == AvatarConfig.parts:
        config = replace(config, parts=settings.parts)
    config = replace(config, shoulders=str(dataset.values["mask_policy"]) == "full")

    def masks(chosen: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(dataset.alpha[dataset.train[chosen.cpu().numpy()]].astype("float32") / 255)

    avatar = build_avatar(
        config,
        dataset.head,
        dataset.shape,
        dataset.motion.take(torch.as_tensor(dataset.train)),
        masks,
        dataset.camera[dataset.train],
    )
    code_size = avatar.expression.matrix.shape[1]
    heldout = sorted({int(i) for positions in dataset.splits.values() for i in positions})

    def sampler(positions: Any, frames: int) -> RaySampler:
        return RaySampler(dataset, positions, frames, settings.rays, code_size, seed)

    return Trainer(
        avatar,
        sampler(dataset.train, settings.frames),
        sampler(np.array(heldout), 32) if heldout else None,
        settings,
        ranks,
    )


def run(args: argparse.Namespace, settings: TrainSettings) -> None:
    """Train and write the avatar."""
    from partnerface.kernels import prepare
    from partnerface.kernels.backend import on_compute_device
    from partnerface.training.ranks import in_group, joined, start

    if args.processes < 0:
        raise InputError(f"--processes is {args.processes}; allowed: 1 or more")
    if args.processes > 1 and not in_group():
        flags = [str(args.subject), "--run", args.run, "--seed", str(args.seed), *to_flags(settings)]
        start(args.processes, ["-m", "partnerface", "train", *flags])
        return
    prepare()
    with joined() as ranks, on_compute_device():
        _run(args, settings, ranks)


def _run(args: argparse.Namespace, settings: TrainSettings, ranks: "Ranks") -> None:
    import json

    import torch

    from partnerface.avatar.methods import METHODS, method
    from partnerface.avatar.retrieval import NAME, save_retrieval
    from partnerface.avatar.store import save_avatar
    from partnerface.progress import clock
    from partnerface.training.dataset import Dataset
    from partnerface.training.state import clear_state, fingerprint, load_state, save_state

    folder = SubjectFolder(args.subject)
    name = args.run.split("/")[0]
    chosen = method(name)
    if chosen is not None:
        settings = replace(settings, **chosen.training)
    elif name != NAME:
        raise InputError(f"no method {name!r}; choose one of {', '.join([*METHODS, 'parts_K', NAME])}")
    into = folder.run(args.run)
    dataset = Dataset.load(folder.dataset)
    names = DatasetFolder(folder.dataset)
    inputs = [names.rgb, names.alpha, names.classes, names.parameters, names.head]
    facts = _facts(dataset, name, args.seed, settings, inputs)
    if chosen is None:
        with write(into.avatar, "train", inputs, {"seed": args.seed}) as temporary:
            save_retrieval(temporary, dataset.values["landmarks"][dataset.train], dataset.train, facts)
        with write(into.log, "train", inputs) as temporary:
            temporary.write_text("")
        return

    trainer = made(dataset, chosen, args.seed, settings, ranks)
    counts = ", ".join(f"{name} {count:,}" for name, count in trainer.avatar.parameter_counts().items())
    shared = f", {ranks.size} processes" if ranks.size > 1 else ""
    print(f"train: {name}, seed {args.seed}, {len(dataset.train)} frames, parameters: {counts}{shared}", flush=True)
    mark = fingerprint(facts, {str(p.name): read_stamp(p)["sha256"] for p in inputs}, args.seed, name)
    if state := load_state(into.state, mark):
        trainer.restore(state)
        print(f"train: goes on at step {trainer.at.step} after {clock(trainer.at.seconds)} of training", flush=True)
    with told_to_stop() as told:
        trainer.run(lambda state: save_state(into.state, mark, state), told)
    if not ranks.leads:
        return
    trained = trainer.finish()
    facts |= {"parameters": trained.parameter_counts(), "seconds": round(trainer.at.seconds, 1)}
    if ranks.size > 1:
        facts |= {"processes": ranks.size}
    with write(into.log, "train", inputs, asdict(settings)) as temporary:
        temporary.write_text("".join(json.dumps(line) + "\n" for line in trainer.at.log))
    with write(into.avatar, "train", inputs, asdict(settings) | {"seed": args.seed}) as temporary:
        save_avatar(temporary, trained, torch.as_tensor(dataset.head.faces), facts, _known(dataset))
    clear_state(into.state)
