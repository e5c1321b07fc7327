"""ResNet trunks: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning", arXiv 1512.03385.

Names of the tensors are torchvision's (`layer1.0.conv1.weight`), as the published weights have them.
"""

from torch import Tensor, nn
from torch.nn import functional as F

#: Widths of the four stages before a bottleneck's widening, and the widening.
WIDTHS, WIDENING = (64, 128, 256, 512), 4


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, (B, inputs, H, W) to (B, width, H / stride, W / stride)."""

    widening = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions and a shortcut, (B, inputs, H, W) to (B, 4 width, H / stride, W / stride)."""

    widening = WIDENING

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        outputs = width * WIDENING
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        inner = F.relu(self.bn2(self.conv2(inner)))
        return F.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The way around a block: nothing where the shape stays, else a 1 x 1 convolution with its normalisation."""
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """The trunk without its classifier.

    Args:
        block: `BasicBlock` (18 layers) or `Bottleneck` (50).
        counts: blocks in each of the four stages.
        dilated: the last stage keeps the resolution and dilates by 2 instead, from its second block on.
    """

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], counts: tuple[int, ...], dilated: bool = False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for number, (width, count) in enumerate(zip(WIDTHS, counts, strict=True), start=1):
            last = dilated and number == len(WIDTHS)
            stride = 1 if last or number == 1 else 2
            blocks: list[nn.Module] = [block(channels, width, stride)]
            channels = width * block.widening
            blocks += [block(channels, width, dilation=2 if last else 1) for _ in range(count - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of a (B, 3, H, W) picture after the first convolution (at half its size) and each stage."""
        features = [F.relu(self.bn1(self.conv1(x)))]
        x = F.max_pool2d(features[0], 3, 2, 1)
        for number in range(1, len(WIDTHS) + 1):
            x = getattr(self, f"layer{number}")(x)
            features.append(x)
        return features


def resnet18() -> ResNet:
    """18 layers."""
    return ResNet(BasicBlock, (2, 2, 2, 2))


def resnet50(dilated: bool = False) -> ResNet:
    """50 layers."""
    return ResNet(Bottleneck, (3, 4, 6, 3), dilated)
