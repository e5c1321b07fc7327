"""Stage evaluate: every metric of every rendered frame, and how it was measured."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from partnerface.artefacts.files import check, read_stamp, write, write_json
from partnerface.artefacts.layout import SubjectFolder
from partnerface.config.settings import EvaluateSettings

HELP = """Measure the rendered frames. Reads dataset/ and <run>/renders.npy, writes <run>/metrics.csv (PSNR, SSIM,
MS-SSIM, L1 and, where its weights are on disk, LPIPS; per frame, region and split) and <run>/protocol.json (how they
were measured).

Errors are averaged over the pixels of a region: full (the whole image), face, mouth, eyes. The training frames that
were rendered are measured too, as split `train`: their distance to the held-out splits is what was learnt by heart."""

SETTINGS = EvaluateSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface evaluate`."""
    parser.add_argument("subject", type=Path, metavar="SUBJECT_DIR", help="results/<subject>, holding dataset/")
    parser.add_argument("--run", default="partnerface", metavar="METHOD[/seedN]", help="the run that is measured")


def run(args: argparse.Namespace, settings: EvaluateSettings) -> None:
    """Measure one run of one subject."""
    import numpy as np
    import torch

    from partnerface.artefacts.layout import DatasetFolder
    from partnerface.evaluation.frames import read_frames
    from partnerface.evaluation.measure import available_metrics, measure
    from partnerface.evaluation.protocol import build

    subject = SubjectFolder(args.subject)
    dataset, folder = DatasetFolder(subject.dataset), subject.run(args.run)
    frames = read_frames(dataset, folder)
    metrics = available_metrics(Path(settings.lpips_weights), min(frames.truth.shape[1:3]), settings.lpips_device)
    if not metrics.lpips:
        torch.set_num_threads(1)  # the maps are so small that a second thread waits more than it works
    measured = measure(frames, metrics.present, f"evaluate {subject.name} {args.run}")
    with np.load(check(dataset.head, "dataset"), allow_pickle=False) as head:
        head_model = str(head["name"])
    truth = {path.name: read_stamp(path)["sha256"] for path in (dataset.rgb, dataset.classes, dataset.parameters)}
    protocol = build(frames, measured, metrics, _identity(subject, args.run), truth, head_model)
    inputs = (dataset.rgb, dataset.classes, dataset.parameters, folder.renders, folder.render_index)
    with write(folder.metrics, "evaluate", inputs) as temporary:
        measured.rows.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_json(folder.protocol, protocol, "evaluate", inputs)


def _identity(subject: SubjectFolder, run_name: str) -> dict[str, Any]:
    """Which avatar was measured. The seed is the avatar's own word, or else the folder's name, or unknown."""
    folder_seed = re.fullmatch(r"(.+)/seed(\d+)", run_name)
    seed = _seed_in(subject.run(run_name).avatar)
    if seed is None and folder_seed:
        seed = int(folder_seed[2])
    return {
        "subject": subject.name,
        "run": run_name,
        "method": folder_seed[1] if folder_seed else run_name,
        "seed": seed,
    }


def _seed_in(avatar: Path) -> int | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(avatar, "pt") as file:
            return json.loads((file.metadata() or {})["partnerface"])["facts"]["seed"]
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None
