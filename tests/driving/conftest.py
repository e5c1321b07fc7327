"""A quickly trained avatar of the toy head, and drivers for it."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder, write, write_json, write_npz
from partnerface.config.settings import TrainSettings
from partnerface.stages import train
from tests.avatar.toy import toy_head, toy_motion
from tests.training.toy_dataset import write_toy_subject

#: Brings the whole head into the picture.
DOWN = 0.2
QUICK = TrainSettings(steps=60, warm_up=0.5, rays=256, frames=8, step_mm=8.0)


@pytest.fixture(scope="session")
def toy_subject(tmp_path_factory) -> SubjectFolder:
    """<root>/toy with its dataset and a trained avatar."""
    subject = write_toy_subject(tmp_path_factory.mktemp("results") / "toy", down=DOWN)
    train.run(SimpleNamespace(subject=subject.root, run="partnerface", seed=0, processes=1), QUICK)  # type: ignore[arg-type]
    return subject


def write_driver(
    root: Path, motion: dict[str, np.ndarray], time_s: np.ndarray, fps: float, all_times: np.ndarray | None = None
) -> SubjectFolder:
    """A subject's folder as frames and tracking leave it: T kept frames at these times, with dull pictures.

    Args:
        all_times: of the source's frames, those that were dropped included.
    """
    folder, head = SubjectFolder(root), toy_head()
    count = len(time_s)
    extra = {"head_name": np.array(head.name), "bridged": np.zeros(count, bool)}
    write_npz(folder.tracking, {"shape": np.zeros(1, np.float32)} | motion | extra, "tracking")
    head.save(folder.head)
    write_json(folder.camera, {"fps": fps, "time_s": list(map(float, time_s))}, "frames")
    with write(folder.frames, "frames") as path:
        np.save(path, np.tile(np.linspace(0, 255, count).astype(np.uint8)[:, None, None, None], (1, 32, 32, 3)))
    with write(folder.frame_index, "frames") as path:
        every = time_s if all_times is None else all_times
        rows = [f"{k},{time:.6f},{'kept' if time in time_s else 'no_face'}," for k, time in enumerate(every)]
        path.write_text("\n".join(["frame,time_s,status,reason", *rows]) + "\n")
    return folder


@pytest.fixture
def toy_driver(tmp_path) -> SubjectFolder:
    """Ten frames of another motion of the toy head, at 10 frames per second."""
    motion = {name: value for name, value in toy_motion(10, seed=3).items() if name != "shape"}
    return write_driver(tmp_path / "driver", motion, np.arange(10) / 10, 10.0)


def header(path: Path) -> dict:
    """The header of a safetensors file, read by hand."""
    data = path.read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
