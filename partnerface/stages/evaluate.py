"""Stage evaluate: every metric of every rendered frame, and how it was measured."""

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partnerface.artefacts.files import check, read_stamp, write, write_json
from partnerface.artefacts.layout import SubjectFolder
from partnerface.config.settings import EvaluateSettings
from partnerface.errors import PartNerFaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from partnerface.evaluation.expression import Readings
    from partnerface.evaluation.frames import Frames

HELP = """Measure the rendered frames. Reads dataset/ and <run>/renders.npy, writes <run>/metrics.csv (PSNR, SSIM,
MS-SSIM, L1, FLIP, flicker and, where its weights are on disk, LPIPS, where MediaPipe is installed, the error of the
landmarks; per frame, region and split) and <run>/protocol.json (how they were measured).

Errors are averaged over the pixels of a region: full (the whole image), face, mouth, eyes. The training frames that
were rendered are measured too, as split `train`: their distance to the held-out splits is what was learnt by heart."""

SETTINGS = EvaluateSettings
#: Slightly different squares from which each picture's landmarks are read; their mean trembles less.
VIEWS = 3


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
    # The maps are so small that a second thread on one waits more than it works; frames go side by side instead.
    workers = 1 if metrics.lpips else torch.get_num_threads()
    if workers > 1:
        torch.set_num_threads(1)
    work = f"evaluate {subject.name} {args.run}"
    readings = read_landmarks(frames, work)
    found = None if isinstance(readings, str) else readings
    measured = measure(frames, metrics.present, work, found, workers)
    with np.load(check(dataset.head, "dataset"), allow_pickle=False) as head:
        head_model = str(head["name"])
    truth = {path.name: read_stamp(path)["sha256"] for path in (dataset.rgb, dataset.classes, dataset.parameters)}
    facts = _facts(folder.avatar)
    avatar = {name: facts[name] for name in ("parameters", "seconds", "settings") if name in facts}
    protocol = build(
        frames, measured, metrics, _identity(subject, args.run, facts), truth, head_model, readings, avatar
    )
    inputs = (dataset.rgb, dataset.classes, dataset.parameters, folder.renders, folder.render_index)
    with write(folder.metrics, "evaluate", inputs) as temporary:
        measured.rows.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_json(folder.protocol, protocol, "evaluate", inputs)


def read_landmarks(frames: "Frames", name: str) -> "Readings | str":
    """Landmarks of the renders and of their true frames; where they can't be had, as on a GPU node, the reason."""
    try:
        return _read_landmarks(frames, name)
    except ImportError as error:
        return f"{error.name} is not installed where it was measured"
    except PartNerFaceError as error:  # MediaPipe is absent, or of a version without its models
        return str(error)


def _read_landmarks(frames: "Frames", name: str) -> "Readings":
    import importlib.metadata

    import numpy as np

    from partnerface.evaluation.expression import Readings
    from partnerface.landmarks.detect import detect_at

    nothing = np.full((478, 2), np.nan)
    known = [frames.landmarks(int(position)) for position in frames.position]
    around = np.stack([nothing if points is None else points for points in known])

    def read(kind: str, picture: "Callable[[int], np.ndarray]") -> "np.ndarray":
        points, found = detect_at(picture, around, VIEWS, name=f"{name}: landmarks of the {kind}")
        return np.where(found[:, None, None], points, np.nan)

    truth = read("truth", lambda index: np.asarray(frames.truth[int(frames.position[index])]))
    rendered = read("render", lambda index: np.asarray(frames.rendered[index]))
    version = importlib.metadata.version("mediapipe")
    return Readings(truth, rendered, f"MediaPipe {version}, face mesh, mean of {VIEWS} views")


def _identity(subject: SubjectFolder, run_name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Which avatar was measured. The seed is the avatar's own word, or else the folder's name, or unknown."""
    folder_seed = re.fullmatch(r"(.+)/seed(\d+)", run_name)
    seed = facts.get("seed")
    if seed is None and folder_seed:
        seed = int(folder_seed[2])
    return {
        "subject": subject.name,
        "run": run_name,
        "method": folder_seed[1] if folder_seed else run_name,
        "seed": seed,
    }


def _facts(avatar: Path) -> dict[str, Any]:
    """What the file of an avatar, or of the baseline, says of its making; nothing where it can't be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(avatar, "pt") as file:
            facts = json.loads((file.metadata() or {})["partnerface"])["facts"]
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return {}
    return facts if isinstance(facts, dict) else {}
