"""Weight files that a user may supply for parsing: which are known, and how one is read without trusting it.

None is needed by default and none is ever downloaded. A file is used only if its SHA-256 is the published one, or one
that the user states in `parsing.weights_sha256` (weights of one's own training). A checksum in a file beside it would
prove nothing: who exchanges the one exchanges the other. What is hashed is what is read, and nothing but tensors is
unpickled.
"""

import hashlib
import io
import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from partnerface.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

#: The end of the name of what batch normalisation counts while it trains; files may lack it, and nothing reads it here.
COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class WeightFile:
    """A file of weights.

    Args:
        name: its name in the folder `parsing.weights`.
        what: the network.
        setting: the setting that asks for it.
        sha256: of the published file.
        source: where to get it.
        licence: under which terms.
    """

    name: str
    what: str
    setting: str
    sha256: str
    source: str
    licence: str


_RVM_SOURCE = "github.com/PeterL1n/RobustVideoMatting, release v1.0.0"
#: Value of `parsing.alpha` or `parsing.classes` → its file. The makers publish no checksums; each of these is stated
#: alike by several unrelated projects that fetched the file from its maker.
KNOWN = {
    "bisenet": WeightFile(
        "79999_iter.pth",
        "BiSeNet face parsing",
        "parsing.classes: bisenet",
        "468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567",
        "the link in the README of github.com/zllrunning/face-parsing.PyTorch",
        "MIT; learnt from CelebAMask-HQ, which is for non-commercial research",
    ),
    "rvm": WeightFile(
        "rvm_mobilenetv3.pth",
        "Robust Video Matting (MobileNetV3)",
        "parsing.alpha: rvm",
        "3c7c1d92033f7c38d6577c481d13a195d7d80a159b960f4f3119ac7b534cf4f8",
        _RVM_SOURCE,
        "GPL-3.0",
    ),
    "rvm_resnet50": WeightFile(
        "rvm_resnet50.pth",
        "Robust Video Matting (ResNet50)",
        "parsing.alpha: rvm_resnet50",
        "c191a807251164c073dce5fa408e7a816070d539b882b2a3150330a9fec112ce",
        _RVM_SOURCE,
        "GPL-3.0",
    ),
}


def is_trusted(file: WeightFile, digest: str, stated: Sequence[str]) -> bool:
    """Whether a SHA-256 (lower case) is the published one of a file, or among those that the user states."""
    return digest in (file.sha256, *(text.strip().lower() for text in stated))


def load_weights(network: "nn.Module", file: WeightFile, folder: Path, stated: Sequence[str] = ()) -> str:
    """Fill a network from a file, all names and shapes alike, and make it ready to be used.

    Args:
        network: its own state's names are those of the file.
        file: which.
        folder: where it lies.
        stated: SHA-256 that are accepted beside the published one.

    Returns:
        The SHA-256 of the file.

    Raises:
        InputError: the file is missing, of another checksum, broken, or of another network.
    """
    path = Path(folder).expanduser() / file.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{file.setting} wants {path}, which can't be read ({error.strerror}); get it from {file.source}, "
            f"set parsing.weights to its folder, or take the setting back"
        ) from None
    digest = hashlib.sha256(data).hexdigest()
    if not is_trusted(file, digest, stated):
        raise InputError(
            f"{path} is not the published file: its SHA-256 is {digest}, not {file.sha256}; get it again from "
            f"{file.source}, or, if it is yours, put its SHA-256 into parsing.weights_sha256"
        )
    state = _matched(_tensors(data, path), network.state_dict(), path, file)
    network.load_state_dict(state)
    network.requires_grad_(False).eval()
    return digest


def _tensors(data: bytes, path: Path) -> "dict[str, Tensor]":
    """The tensors of a state dict by name, from the bytes of its file."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # the refusal below says it in one line
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{path} holds more than tensors, or is damaged, so it is not loaded; get it from its maker"
        ) from None
    except Exception as error:  # foreign bytes make the reader fail in any of a dozen ways
        raise InputError(f"{path} can't be read as weights ({type(error).__name__}); get it again") from None
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise InputError(f"{path} is not a state dict of tensors; get it from its maker")
    return dict(state)


def _matched(
    given: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", path: Path, file: WeightFile
) -> "dict[str, Tensor]":
    """The given tensors after a check against the wanted names and shapes; absent counters are taken from there."""
    missing = [name for name in wanted if name not in given and not name.endswith(COUNTER)]
    surplus = [name for name in given if name not in wanted]
    for names, words in ((missing, "lacks"), (surplus, "has, beyond what is known,")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(
                f"{path} {words} the tensor {names[0]}{more}; it is not {file.what}: get it from its maker"
            )
    for name, tensor in given.items():
        if tensor.shape != wanted[name].shape:
            raise InputError(
                f"{name} in {path} has the shape {tuple(tensor.shape)}, {file.what} wants {tuple(wanted[name].shape)}; "
                "get the file from its maker"
            )
        if not bool(tensor.isfinite().all()):
            raise InputError(f"{name} in {path} holds values that are not finite; get the file from its maker")
    return {name: given.get(name, tensor) for name, tensor in wanted.items()}
