"""A small subject on disk: eight frames, two splits, a run that renders six of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from partnerface.artefacts.files import write, write_npz
from partnerface.artefacts.layout import DatasetFolder, SubjectFolder
from partnerface.conventions import CLASS_NAMES

SIZE = 96
FACTS = {"seed": 3, "parameters": {"field": 7}, "seconds": 1.5}
HEAD_CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
NAMES = {"alex": ("alexnet-owt-7be5be79.pth", "alex.pth"), "vgg": ("vgg16-397923af.pth", "vgg.pth")}


def face_landmarks(size: int) -> np.ndarray:
    """478 points; those that the regions use lie where a frontal face has them."""
    points = np.full((478, 2), 0.5)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    lips = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
    points[list(lips)] = np.stack([0.5 + 0.1 * np.cos(turn), 0.7 + 0.04 * np.sin(turn)], 1)
    turn = turn[:16]
    right = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
    left = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
    points[list(right)] = np.stack([0.38 + 0.05 * np.cos(turn), 0.45 + 0.02 * np.sin(turn)], 1)
    points[list(left)] = np.stack([0.62 + 0.05 * np.cos(turn), 0.45 + 0.02 * np.sin(turn)], 1)
    points[10], points[2] = (0.5, 0.2), (0.5, 0.6)
    return points * size


@pytest.fixture
def subject(tmp_path):
    """results/anna with dataset/ and the run `partnerface`; frame 5 is a guard band, frame 7 has no landmarks."""
    rng = np.random.default_rng(1)
    folder = SubjectFolder(tmp_path / "results" / "anna")
    dataset, run = DatasetFolder(folder.dataset), folder.run("partnerface")
    count = 8
    truth = rng.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
    classes = np.zeros((count, SIZE, SIZE), np.uint8)
    classes[:, 20:80, 30:66] = CLASS_NAMES.index("skin")
    classes[:, 10:20, 30:66] = CLASS_NAMES.index("hair")
    positions = np.array([0, 1, 4, 5, 6, 7])
    noise = rng.integers(-20, 21, (len(positions), SIZE, SIZE, 3))
    renders = np.clip(truth[positions].astype(int) + noise, 0, 255).astype(np.uint8)
    heldout = np.zeros((2, count), bool)
    heldout[0, 6:], heldout[1, [4, 6]] = True, True
    train = np.zeros(count, bool)
    train[:4] = True
    arrays = {
        "splits": np.array(["tail:0.25", "unseen-expression:0.2"]),
        "heldout": heldout,
        "train": train,
        "frame": np.arange(count) + 10,
        "time_s": np.arange(count) / 25,
        "mask_policy": np.array("head+neck"),
        "background": np.ones(3, np.float32),
        "landmarks": np.repeat(face_landmarks(SIZE)[None], count, 0),
        "bridged": np.arange(count) == 7,
    }
    for path, array in ((dataset.rgb, truth), (dataset.classes, classes), (run.renders, renders)):
        with write(path, "dataset") as temporary:
            np.save(temporary, array)
    write_npz(dataset.parameters, arrays, "dataset")
    write_npz(dataset.head, {"name": np.array("builtin")}, "dataset")
    write_npz(run.render_index, {"frame_index": positions}, "render")
    with write(run.avatar, "train") as temporary:
        save_file({"x": np.zeros(1)}, temporary, {"partnerface": json.dumps({"facts": FACTS})})
    return folder


def trunk(net: str) -> nn.Sequential:
    """torchvision's `features`, layer by layer."""
    if net == "alex":
        layers = [
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        ]  # fmt: skip
        return nn.Sequential(*layers)
    layers, channels = [], 3
    for out in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()] if out else [nn.MaxPool2d(2)]
        channels = out or channels
    return nn.Sequential(*layers)


def make_weights(folder: Path, net: str) -> tuple[nn.Sequential, list[torch.Tensor]]:
    """Weights as torchvision and the LPIPS repository store them, of random values."""
    torch.manual_seed(0)
    layers = trunk(net)
    heads = [torch.rand(1, channels, 1, 1) for channels in HEAD_CHANNELS[net]]
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}
    torch.save({**state, "classifier.1.weight": torch.zeros(2)}, folder / NAMES[net][0])
    torch.save({f"lin{k}.model.1.weight": head for k, head in enumerate(heads)}, folder / NAMES[net][1])
    return layers, heads


@pytest.fixture
def write_weights():
    """A function (folder, `alex` or `vgg`) that writes both weight files and returns the trunk and the heads."""
    return make_weights
