"""Weight files for tests: the real networks with random numbers, under the published names."""

import hashlib
from pathlib import Path

import torch
from torch import nn

from partnerface.parsing.rvm import VideoMatting
from partnerface.parsing.weights import KNOWN


def randomise(network: nn.Module, seed: int = 0) -> None:
    """Numbers that keep the features' size from layer to layer, and normalisations that do something."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2, generator=generator)
            elif name.endswith("running_mean"):
                value.normal_(0, 0.2, generator=generator)
            elif value.ndim == 1:
                value.normal_(0.5, 0.3, generator=generator)
            elif value.ndim > 1:
                value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)


def matting(trunk: str = "mobilenetv3") -> VideoMatting:
    """The matting network with random numbers, such that alpha is mostly neither 0 nor 1."""
    network = VideoMatting(trunk).eval()
    randomise(network)
    with torch.no_grad():
        for last in (network.project_mat["conv"], network.refiner.conv[-1]):
            assert isinstance(last, nn.Conv2d)
            last.weight.mul_(0.02)
    return network


def save(network: nn.Module, key: str, folder: Path, **options) -> str:
    """Write a network's state under the name of a known file; returns its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KNOWN[key].name
    torch.save(network.state_dict(), path, **options)
    return hashlib.sha256(path.read_bytes()).hexdigest()
