"""The trivial baseline: show the training frame whose landmarks are nearest. An avatar must beat it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from partnerface.errors import ArtefactError

FORMAT = "partnerface-retrieval-1"
NAME = "retrieval"


def save_retrieval(path: Path, landmarks: np.ndarray, frames: np.ndarray, facts: dict[str, Any]) -> None:
    """Write the table.

    Args:
        landmarks: (T, L, 2) px of the training frames.
        frames: (T,) their positions in the dataset.
        facts: JSON types about the making.
    """
    header = {"format": FORMAT, "facts": facts}
    arrays = {"landmarks": landmarks.astype(np.float32), "frames": frames.astype(np.int64)}
    save_file(arrays, path, {"partnerface": json.dumps(header)})


def load_retrieval(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (T, L, 2) and positions (T,) that `save_retrieval` wrote; raises ArtefactError on anything else."""
    try:
        with safe_open(path, "np") as file:
            if json.loads((file.metadata() or {})["partnerface"])["format"] != FORMAT:
                raise KeyError("format")
            return file.get_tensor("landmarks"), file.get_tensor("frames")
    except (OSError, SafetensorError, KeyError, ValueError):
        raise ArtefactError(f"{path} is not a retrieval table; run `partnerface train --run {NAME}` again") from None


def nearest(landmarks: np.ndarray, table: np.ndarray, frames: np.ndarray, own: int) -> int:
    """Position of the frame with the smallest mean squared landmark distance, never the frame itself.

    Args:
        landmarks: (L, 2) px of the wanted frame. table: (T, L, 2). frames: (T,). own: the wanted frame's position.
    """
    distance = ((table - landmarks) ** 2).sum(-1).mean(-1)
    distance[frames == own] = np.inf
    return int(frames[int(distance.argmin())])
