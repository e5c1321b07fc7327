"""Weights and models that the package may not bring along: what, where to get it, where to put it, for which stage.

None of them is needed for the default path, and none is ever downloaded.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from partnerface.config.settings import ParsingSettings
from partnerface.doctor.finding import Finding
from partnerface.parsing.weights import KNOWN, WeightFile, is_trusted

SUFFIXES = (".pth", ".pt", ".safetensors", ".pkl", ".npz")


@dataclass(frozen=True)
class Weights:
    """Optional files of one kind.

    Args:
        name: what they are.
        stage: the stage that wants them, and for what.
        folder: where to put them; `{lpips}` stands for the setting evaluate.lpips_weights.
        files: beginnings of file names, all of which must be there.
        source: where to get them.
        licence: under which terms.
    """

    name: str
    stage: str
    folder: str
    files: tuple[str, ...]
    source: str
    licence: str


LPIPS_HEADS = "github.com/richzhang/PerceptualSimilarity, lpips/weights/v0.1"
OPTIONAL = (
    Weights(
        "LPIPS (alex)",
        "evaluate, the metric lpips_alex",
        "{lpips}",
        ("alexnet", "alex."),
        f"alexnet-owt-7be5be79.pth from download.pytorch.org/models; alex.pth from {LPIPS_HEADS}",
        "BSD-3-Clause (torchvision), BSD-2-Clause (LPIPS)",
    ),
    Weights(
        "LPIPS (vgg)",
        "evaluate, the metric lpips_vgg",
        "{lpips}",
        ("vgg16", "vgg."),
        f"vgg16-397923af.pth from download.pytorch.org/models; vgg.pth from {LPIPS_HEADS}",
        "BSD-3-Clause (torchvision), BSD-2-Clause (LPIPS)",
    ),
    Weights(
        "FLAME head model",
        "tracking, in place of the built-in head (this version does not read it yet)",
        "weights/flame",
        ("flame",),
        "flame.is.tue.mpg.de, after registration",
        "Max Planck's own, for non-commercial research; FLAME 2023 Open: CC-BY-4.0",
    ),
    Weights(
        "face-alignment (68 landmarks)",
        "landmarks, beside MediaPipe's 478 (this version does not read it yet)",
        "~/.cache/torch/hub/checkpoints",
        ("2DFAN4",),
        "github.com/1adrianb/face-alignment; the package is the extra `landmarks68`",
        "BSD-3-Clause",
    ),
)


def weights(lpips_folder: str, parsing: ParsingSettings) -> list[Finding]:
    """One finding for each kind: where it lies, or how to come by it."""
    lines = [describe(item, lpips_folder) for item in OPTIONAL]
    return [Finding("weights", line) for line in [*lines, *(describe_file(item, parsing) for item in KNOWN.values())]]


def describe_file(item: WeightFile, parsing: ParsingSettings) -> str:
    """One line for a file that parsing can use, with what its checksum says."""
    path = Path(parsing.weights).expanduser() / item.name
    use = f"for parsing, with {item.setting}"
    if not path.is_file():
        return (
            f"{item.what}: absent, optional; {use}; put {item.name} into {path.parent}; get: {item.source}; "
            f"{item.licence}"
        )
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{item.what}: {path} can't be read ({error.strerror}); {use}"
    if is_trusted(item, found, parsing.weights_sha256):
        return f"{item.what}: present, {path}, {use}"
    return (
        f"{item.what}: {path} is not the published file, and would be refused; {use}; get: {item.source}; if it is "
        f"yours, put {found} into parsing.weights_sha256"
    )


def describe(item: Weights, lpips_folder: str) -> str:
    """One line for one kind."""
    folder = Path(item.folder.format(lpips=lpips_folder)).expanduser()
    names = [path.name.lower() for path in folder.iterdir()] if folder.is_dir() else []
    files = [name for name in names if name.endswith(SUFFIXES)]
    if all(any(name.startswith(start.lower()) for name in files) for start in item.files):
        return f"{item.name}: present in {folder}, for {item.stage}"
    return f"{item.name}: absent, optional; for {item.stage}; put into {folder}; get: {item.source}; {item.licence}"
