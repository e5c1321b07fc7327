"""Robust Video Matting: the soft alpha of people, frame after frame, with a memory.

S. Lin, L. Yang, I. Saleemi, S. Sengupta, "Robust high-resolution video matting with temporal guidance", arXiv
2108.11515. A trunk gives features at four sizes; a decoder goes back from coarse to fine, and on each of its levels
half of the channels pass through a convolutional GRU, which remembers the frames before. The picture is worked on at
about half a thousand pixels; where it is larger, a deep guided filter lays the result over the picture's own detail.

Written anew; the names of the modules are those of the tensors in the published weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from partnerface.parsing.guided import HIDDEN, DeepGuidedFilter
from partnerface.parsing.mobilenet import LAST, MobileNet
from partnerface.parsing.resnet import resnet50

#: ImageNet's mean and spread of sRGB values, which MobileNet expects. ResNet takes the picture as it is: its weights
#: were learnt so.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Longest edge in px at which the network works. Its makers advise 256 to 512 px and the whole picture for portraits.
WORKING = 512

#: What the four GRUs remember, from fine to coarse: (B, C, h, w) each.
Memory = tuple[Tensor, Tensor, Tensor, Tensor]


class ConvGru(nn.Module):
    """A gated recurrent unit of convolutions, the memory of the paper's recurrent decoder.

    r, z = σ(w_rz * [x, h]), o = tanh(w_o * [x, r h]), h' = (1 - z) h + z o, with convolutions *. In the weights `ih`
    are the gates, r first, and `hh` is o; z weighs what is new.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.ih = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 3, padding=1), nn.Sigmoid())
        self.hh = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Tanh())

    def forward(self, x: Tensor, memory: Tensor | None) -> Tensor:
        """The new memory, which is also the result; (B, C, h, w) each. No memory is one of zeros."""
        if memory is None:
            memory = torch.zeros_like(x)
        reset, update = self.ih(torch.cat([x, memory], 1)).chunk(2, 1)
        candidate = self.hh(torch.cat([x, reset * memory], 1))
        return memory + update * (candidate - memory)


def remember(gru: ConvGru, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
    """(B, C, h, w) features with their second half passed through a GRU, and that half."""
    still, moving = x.chunk(2, 1)
    after = gru(moving, memory)
    return torch.cat([still, after], 1), after


class Bottleneck(nn.Module):
    """The coarsest level: remembers, and no more."""

    def __init__(self, channels: int):
        super().__init__()
        self.gru = ConvGru(channels // 2)

    def forward(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        return remember(self.gru, x, memory)


class Upsampling(nn.Module):
    """Twice the size: joins coarser features, the trunk's and the picture itself, then remembers."""

    def __init__(self, coarser: int, skipped: int, channels: int):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(coarser + skipped + 3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.gru = ConvGru(channels // 2)

    def forward(self, x: Tensor, skipped: Tensor, picture: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        x = self.conv(torch.cat([doubled(x, picture), skipped, picture], 1))
        return remember(self.gru, x, memory)


class Output(nn.Module):
    """The last level, at the working size, without a memory."""

    def __init__(self, coarser: int):
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (coarser + 3, HIDDEN):
            layers += [nn.Conv2d(channels, HIDDEN, 3, padding=1, bias=False), nn.BatchNorm2d(HIDDEN), nn.ReLU()]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        return self.conv(torch.cat([doubled(x, picture), picture], 1))


def doubled(x: Tensor, picture: Tensor) -> Tensor:
    """Features enlarged by two and cut to the size of a picture whose edge may be odd."""
    height, width = picture.shape[2:]
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]


class Decoder(nn.Module):
    """From the trunk's features, and the picture at their sizes, to features at the working size.

    Args:
        trunk: channels at 1/2, 1/4, 1/8 and 1/16 of the size.
        channels: of the levels at 1/8, 1/4 and 1/2.
    """

    def __init__(self, trunk: tuple[int, int, int, int], channels: tuple[int, int, int]):
        super().__init__()
        self.decode4 = Bottleneck(trunk[3])
        self.decode3 = Upsampling(trunk[3], trunk[2], channels[0])
        self.decode2 = Upsampling(channels[0], trunk[1], channels[1])
        self.decode1 = Upsampling(channels[1], trunk[0], channels[2])
        self.decode0 = Output(channels[2])

    def forward(self, picture: Tensor, features: list[Tensor], memory: Memory | None) -> tuple[Tensor, Memory]:
        """(B, HIDDEN, H, W) features and the new memory, from a (B, 3, H, W) picture in [0, 1]."""
        before = memory or (None, None, None, None)
        half, quarter, eighth = _pyramid(picture)
        x, fourth = self.decode4(features[3], before[3])
        x, third = self.decode3(x, features[2], eighth, before[2])
        x, second = self.decode2(x, features[1], quarter, before[1])
        x, first = self.decode1(x, features[0], half, before[0])
        return self.decode0(x, picture), (first, second, third, fourth)


def _pyramid(picture: Tensor) -> list[Tensor]:
    """The picture at a half, a quarter and an eighth of its size, rounded up; an odd edge is averaged alone."""
    levels = []
    for _ in range(3):
        picture = F.avg_pool2d(picture, 2, 2, ceil_mode=True, count_include_pad=False)
        levels.append(picture)
    return levels


class LiteAspp(nn.Module):
    """Narrows the trunk's coarsest features and weights them by what the whole picture shows (LR-ASPP)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.aspp1 = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
        self.aspp2 = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(inputs, outputs, 1, bias=False), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return self.aspp1(x) * self.aspp2(x)


class VideoMatting(nn.Module):
    """The whole network.

    Args:
        trunk: `mobilenetv3` or `resnet50`.
    """

    def __init__(self, trunk: str = "mobilenetv3"):
        super().__init__()
        if trunk == "mobilenetv3":
            self.backbone: nn.Module = MobileNet()
            self.aspp = LiteAspp(LAST, 128)
            self.decoder = Decoder((16, 24, 40, 128), (80, 40, 32))
        else:
            self.backbone = resnet50(dilated=True)
            self.aspp = LiteAspp(2048, 256)
            self.decoder = Decoder((64, 256, 512, 256), (128, 64, 32))
        # The foreground's colours and alpha; and a plain mask, which serves training alone.
        self.project_mat = nn.ModuleDict({"conv": nn.Conv2d(HIDDEN, 4, 1)})
        self.project_seg = nn.ModuleDict({"conv": nn.Conv2d(HIDDEN, 1, 1)})
        self.refiner = DeepGuidedFilter()

    def forward(self, picture: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """The next frame's alpha.

        Args:
            picture: (B, 3, H, W) sRGB in [0, 1].
            memory: what the call for the frame before gave; None for the first one. Sizes must not change.

        Returns:
            (B, 1, H, W) from 0 to 1, and the new memory.
        """
        size = picture.shape[2:]
        shrink = WORKING / max(size)
        small = picture
        if shrink < 1:
            edges = [max(1, int(edge * shrink)) for edge in size]
            small = F.interpolate(picture, edges, mode="bilinear", align_corners=False)
        seen = small
        if isinstance(self.backbone, MobileNet):
            mean, spread = (small.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, SPREAD))
            seen = (small - mean) / spread
        features = self.backbone(seen)
        # Of ResNet's five the fourth is left out: dilated, the last has its size.
        features = [*features[:3], self.aspp(features[-1])]
        hidden, after = self.decoder(small, features, memory)
        result = self.project_mat["conv"](hidden)
        if shrink < 1:
            result = self.refiner(picture, small, result, hidden)
        return result[:, 3:].clamp(0, 1), after
