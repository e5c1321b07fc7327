"""The state that a killed training resumes from, and the fingerprint that tells whose state it is."""

import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import partnerface
from partnerface.artefacts.files import atomic

STATE_FILE = "state.pt"
#: An edit of any of these makes another training, so an older state is not resumed.
SOURCES = ("avatar", "training", "kernels", "head", "geometry")


def fingerprint(settings: Mapping[str, Any], dataset_stamp: Mapping[str, Any], seed: int, method: str) -> str:
    """SHA-256 over all that the result of a training depends on."""
    root = Path(partnerface.__file__).parent
    code = hashlib.sha256()
    for folder in SOURCES:
        for file in sorted(f for f in (root / folder).rglob("*") if f.suffix in (".py", ".h", ".cpp", ".cu")):
            code.update(file.read_bytes())
    facts = {
        "settings": dict(settings),
        "dataset": dict(dataset_stamp),
        "seed": seed,
        "method": method,
        "code": code.hexdigest(),
        "torch": torch.__version__,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def save_state(folder: Path, mark: str, state: Mapping[str, Any]) -> None:
    """Write the state atomically; the one before stays until this one is whole."""
    buffer = io.BytesIO()
    torch.save({"fingerprint": mark, **state}, buffer)
    body = buffer.getvalue()
    with atomic(folder / STATE_FILE) as temporary:
        temporary.write_bytes(hashlib.sha256(body).digest() + body)


def load_state(folder: Path, mark: str) -> dict[str, Any] | None:
    """The state saved for this very training, or None: no state, a damaged one, or that of another training."""
    try:
        data = (folder / STATE_FILE).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        return None
    state = torch.load(io.BytesIO(data[32:]), map_location=torch.get_default_device(), weights_only=True)
    return state if state["fingerprint"] == mark else None


def clear_state(folder: Path) -> None:
    """Remove the state of a finished training."""
    shutil.rmtree(folder, ignore_errors=True)
