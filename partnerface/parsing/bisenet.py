"""BiSeNet for face parsing: which of 19 classes of CelebAMask-HQ each pixel of a face shows.

C. Yu, J. Wang, C. Peng, C. Gao, G. Yu, N. Sang, "BiSeNet: Bilateral segmentation network for real-time semantic
segmentation", arXiv 1808.00897, in the form that the public weights `79999_iter.pth` have: the trunk is a ResNet-18,
and its features at an eighth of the size stand in for the paper's spatial path. The module names are those of these
weights. Two further heads (`conv_out16`, `conv_out32`) serve training alone; they are here since the file has them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from partnerface.conventions import CLASS_NAMES
from partnerface.parsing.resnet import resnet18

#: Edge of the square picture that the network was trained on, px, and ImageNet's mean and spread of sRGB values.
INPUT = 512
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Class of CelebAMask-HQ, in the weights' order → ours. A hat is hair: it moves with the head, and left out it would
#: cut the head open. An earring belongs to the ear, a necklace to the neck that it lies on.
CLASSES = {
    "background": "background",
    "skin": "skin",
    "l_brow": "brows",
    "r_brow": "brows",
    "l_eye": "eyes",
    "r_eye": "eyes",
    "eye_g": "glasses",
    "l_ear": "ears",
    "r_ear": "ears",
    "ear_r": "ears",
    "nose": "nose",
    "mouth": "mouth_inside",
    "u_lip": "lips",
    "l_lip": "lips",
    "neck": "neck",
    "neck_l": "neck",
    "cloth": "cloth",
    "hair": "hair",
    "hat": "hair",
}


class ConvBnRelu(nn.Module):
    """Convolution, batch normalisation, rectifier; keeps the size."""

    def __init__(self, inputs: int, outputs: int, kernel: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class AttentionRefinement(nn.Module):
    """Features weighted per channel by what the whole picture shows (the paper's ARM)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = ConvBnRelu(inputs, outputs, 3)
        self.conv_atten = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.bn_atten(self.conv_atten(x.mean((2, 3), keepdim=True))))


class ContextPath(nn.Module):
    """The trunk and its attention, from coarse to fine."""

    def __init__(self):
        super().__init__()
        self.resnet = resnet18()
        self.arm16 = AttentionRefinement(256, 128)
        self.arm32 = AttentionRefinement(512, 128)
        self.conv_head32 = ConvBnRelu(128, 128, 3)
        self.conv_head16 = ConvBnRelu(128, 128, 3)
        self.conv_avg = ConvBnRelu(512, 128, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Trunk features (B, 128, H / 8, W / 8) and context (B, 128, H / 8, W / 8) of a (B, 3, H, W) picture."""
        _, _, fine, middle, coarse = self.resnet(x)
        whole = self.conv_avg(coarse.mean((2, 3), keepdim=True))
        context = self.conv_head32(F.interpolate(self.arm32(coarse) + whole, middle.shape[2:]))
        context = self.conv_head16(F.interpolate(self.arm16(middle) + context, fine.shape[2:]))
        return fine, context


class FeatureFusion(nn.Module):
    """Joins fine features and context, then adds to them their share by channel (the paper's FFM)."""

    def __init__(self, channels: int):
        super().__init__()
        self.convblk = ConvBnRelu(channels, channels, 1)
        self.conv1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, fine: Tensor, context: Tensor) -> Tensor:
        x = self.convblk(torch.cat([fine, context], 1))
        return x + x * torch.sigmoid(self.conv2(F.relu(self.conv1(x.mean((2, 3), keepdim=True)))))


class Head(nn.Module):
    """Features to scores of the classes."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.conv = ConvBnRelu(inputs, width, 3)
        self.conv_out = nn.Conv2d(width, len(CLASSES), 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class BiSeNet(nn.Module):
    """The whole network."""

    def __init__(self):
        super().__init__()
        self.cp = ContextPath()
        self.ffm = FeatureFusion(256)
        self.conv_out = Head(256, 256)
        self.conv_out16 = Head(128, 64)
        self.conv_out32 = Head(128, 64)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 19, H, W) scores of a (B, 3, H, W) normalised picture."""
        scores = self.conv_out(self.ffm(*self.cp(x)))
        # Corner to corner, as in training.
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=True)


def ours() -> Tensor:
    """(C, 19): adds the shares of CelebAMask-HQ's classes up to those of conventions.CLASS_NAMES."""
    names = list(CLASSES.values())
    return torch.tensor([[float(mine == name) for name in names] for mine in CLASS_NAMES])


@torch.no_grad()
def class_shares(network: BiSeNet, picture: Tensor) -> Tensor:
    """How likely each pixel is of each class.

    Args:
        network: with its weights, in evaluation mode.
        picture: (3, INPUT, INPUT) sRGB from 0 to 1.

    Returns:
        (C, INPUT, INPUT), sums to 1 over conventions.CLASS_NAMES.
    """
    mean, spread = (torch.tensor(values)[:, None, None] for values in (MEAN, SPREAD))
    scores = network(((picture - mean) / spread)[None])[0]
    return torch.einsum("cn,nhw->chw", ours(), scores.softmax(0))
