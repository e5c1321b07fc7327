"""LPIPS, written in plain torch, on weights that the user puts on disk.

R. Zhang, P. Isola, A. Efros, E. Shechtman, O. Wang, "The unreasonable effectiveness of deep features as a perceptual
metric", CVPR 2018, version 0.1, linear heads ("lin"). A trunk (AlexNet or VGG16, trained on ImageNet) gives features
after five of its rectifiers; they are normalised over the channels at each pixel, their squared differences are
weighted per channel by a head, and the five maps are averaged over the pixels and added. In a region each map is
enlarged bilinearly to the image's size and averaged over the region.

Files, in the folder `evaluate.lpips_weights`, either as a state dict (.pth) or as .safetensors:

* trunk: torchvision's own `alexnet-owt-7be5be79.pth` and `vgg16-397923af.pth` (any name that starts with `alexnet`,
  `vgg16`); only the tensors `features.*` are used,
* heads: `alex.pth` and `vgg.pth` as in the LPIPS repository under `lpips/weights/v0.1` (or `lpips_alex.*`,
  `lpips_vgg.*`), with the tensors `lin<k>.model.1.weight`.

No file is ever downloaded. Nothing but tensors is unpickled.
"""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from partnerface.errors import InputError
from partnerface.evaluation.pixel import Score

#: The trunks' layers up to the last one that is used: (out channels, kernel, stride, padding), P a 2-wide or 3-wide
#: max pooling of stride 2. The number before each is torchvision's index of the convolution in `features`.
_ALEXNET = ((0, 64, 11, 4, 2), "P3", (3, 192, 5, 1, 2), "P3", (6, 384, 3, 1, 1), (8, 256, 3, 1, 1), (10, 256, 3, 1, 1))
_VGG16 = (
    (0, 64, 3, 1, 1), (2, 64, 3, 1, 1), "P2",
    (5, 128, 3, 1, 1), (7, 128, 3, 1, 1), "P2",
    (10, 256, 3, 1, 1), (12, 256, 3, 1, 1), (14, 256, 3, 1, 1), "P2",
    (17, 512, 3, 1, 1), (19, 512, 3, 1, 1), (21, 512, 3, 1, 1), "P2",
    (24, 512, 3, 1, 1), (26, 512, 3, 1, 1), (28, 512, 3, 1, 1),
)  # fmt: skip
_TRUNKS = {"alex": (_ALEXNET, (0, 3, 6, 8, 10)), "vgg": (_VGG16, (2, 7, 14, 21, 28))}
_TRUNK_FILES = {"alex": ("alexnet*",), "vgg": ("vgg16*",)}
_HEAD_FILES = {"alex": ("alex.*", "lpips_alex.*"), "vgg": ("vgg.*", "lpips_vgg.*")}
_SUFFIXES = (".pth", ".pt", ".safetensors")

NETS = tuple(_TRUNKS)
#: The edge below which AlexNet's last features would be a pixel or two.
LEAST_SIZE = 64
#: The input's channels are shifted and scaled as in the LPIPS repository; its range is [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """The network of one trunk (`alex` or `vgg`), to be filled by `load_state_dict`."""

    shift: Tensor
    scale: Tensor

    def __init__(self, net: str):
        super().__init__()
        layers, taps = _TRUNKS[net]
        self._layers, self._taps = layers, taps
        self.features = nn.ModuleDict()
        self.heads = nn.ParameterDict()
        channels = 3
        for layer in layers:
            if isinstance(layer, tuple):
                index, out, kernel, stride, padding = layer
                self.features[str(index)] = nn.Conv2d(channels, out, kernel, stride, padding)
                channels = out
                if index in taps:
                    self.heads[str(taps.index(index))] = nn.Parameter(torch.zeros(1, out, 1, 1))
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def _taps_of(self, images: Tensor) -> list[Tensor]:
        """Normalised features of (B, 3, H, W) images in [0, 1] after the tapped rectifiers."""
        x = (images * 2 - 1 - self.shift) / self.scale
        taps = []
        for layer in self._layers:
            if isinstance(layer, str):
                x = F.max_pool2d(x, int(layer[1]), 2)
                continue
            x = F.relu(self.features[str(layer[0])](x))
            if layer[0] in self._taps:
                taps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return taps

    def forward(self, truth: Tensor, image: Tensor) -> list[Tensor]:
        """Five (h_k, w_k) maps of the weighted squared differences of two (3, H, W) images in [0, 1]."""
        maps = []
        for number, tap in enumerate(self._taps_of(torch.stack([truth, image]))):
            difference = (tap[:1] - tap[1:]).square()
            maps.append((difference * self.heads[str(number)]).sum(1)[0])
        return maps


def _enlarge(values: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(values[None, None], size, mode="bilinear", align_corners=False)[0, 0]


@dataclass(frozen=True)
class LpipsMetric:
    """A `pixel.Metric` with its network, and the files that it came from: name → SHA-256."""

    net: str
    network: Lpips
    files: Mapping[str, str]

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        return self.network.shift.device.type

    @torch.no_grad()
    def __call__(self, truth: Tensor, image: Tensor) -> Score:
        """LPIPS of two (3, H, W) images in [0, 1]; the score takes a mask as every metric's does."""
        device = self.network.shift.device
        # TF32 would round the features to ten bits and make the number depend on the machine.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            maps = [m.cpu() for m in self.network(truth.float().to(device), image.float().to(device))]

        def score(mask: Tensor | None) -> float:
            if mask is None:
                return float(sum(m.mean() for m in maps))
            size = truth.shape[-2:]
            return float(
                sum(
                    F.interpolate(m[None, None], size, mode="bilinear", align_corners=False)[0, 0][mask].mean()
                    for m in maps
                )
            )

        return score


def find_weights(folder: Path, net: str) -> tuple[Path, Path] | None:
    """The trunk's file and the heads' file of `alex` or `vgg` in a folder, None unless both are there."""
    found = []
    for patterns in (_TRUNK_FILES[net], _HEAD_FILES[net]):
        files = sorted(f for p in patterns for f in Path(folder).glob(p) if f.suffix in _SUFFIXES and f.is_file())
        if not files:
            return None
        found.append(files[0])
    return found[0], found[1]


def load(net: str, trunk: Path, heads: Path, device: str = "cpu") -> LpipsMetric:
    """Fill the network of `alex` or `vgg` from two files.

    Raises:
        InputError: a file holds anything but tensors, lacks one of them, or has one of another shape.
    """
    network = Lpips(net)
    state = {}
    wanted = network.state_dict()
    sources = {"features": (trunk, _read(trunk)), "heads": (heads, _read(heads))}
    for name, tensor in wanted.items():
        kind, rest = name.split(".", 1)
        file, tensors = sources[kind]
        key = name if kind == "features" else f"lin{rest}.model.1.weight"
        if key not in tensors:
            raise InputError(
                f"{file} has no tensor {key}; is it the file that LPIPS {net} wants? See `partnerface doctor`"
            )
        if tensors[key].shape != tensor.shape:
            raise InputError(
                f"{key} in {file} has the shape {tuple(tensors[key].shape)}, LPIPS {net} wants {tuple(tensor.shape)}; "
                "take the file of the other network, or remove it"
            )
        state[name] = tensors[key].float()
    network.load_state_dict(state)
    network.requires_grad_(False).eval().to(device)
    return LpipsMetric(net, network, {file.name: _sha256(file) for file in (trunk, heads)})


def _read(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{file} holds more than tensors, so it is not loaded; get it from its maker, or remove it"
        ) from None
    except Exception as error:  # a foreign file fails in any of a dozen ways
        raise InputError(f"{file} can't be read ({type(error).__name__}); get it again, or remove it") from None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{file} is not a state dict of tensors; get it from its maker, or remove it")
    return dict(state)


def _sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
