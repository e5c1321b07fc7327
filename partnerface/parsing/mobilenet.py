"""MobileNetV3-Large: A. Howard et al., "Searching for MobileNetV3", arXiv 1905.02244, table 1.

The trunk alone, with the last stage dilated in place of its stride, so that the coarsest features stand at a sixteenth
of the size. Names of the tensors are torchvision's (`features.4.block.2.fc1.weight`), as the published weights have
them.
"""

from torch import Tensor, nn
from torch.nn import functional as F

#: Of each block: kernel, width inside, width of the result, width of its squeeze (0: none), whether its activation is
#: the hard swish, stride, dilation.
BLOCKS = (
    (3, 16, 16, 0, False, 1, 1),
    (3, 64, 24, 0, False, 2, 1),
    (3, 72, 24, 0, False, 1, 1),
    (5, 72, 40, 24, False, 2, 1),
    (5, 120, 40, 32, False, 1, 1),
    (5, 120, 40, 32, False, 1, 1),
    (3, 240, 80, 0, True, 2, 1),
    (3, 200, 80, 0, True, 1, 1),
    (3, 184, 80, 0, True, 1, 1),
    (3, 184, 80, 0, True, 1, 1),
    (3, 480, 112, 120, True, 1, 1),
    (3, 672, 112, 168, True, 1, 1),
    (5, 672, 160, 168, True, 1, 2),
    (5, 960, 160, 240, True, 1, 2),
    (5, 960, 160, 240, True, 1, 2),
)
#: Channels of the first convolution and of the last one.
FIRST, LAST = 16, 960
#: Layers (in `features`) whose results are taken: at 1/2, 1/4, 1/8 and 1/16 of the size.
TAPS = (1, 3, 6, 16)
#: The weights were learnt with this in the normalisation, in place of torch's 1e-5.
EPSILON = 1e-3


def convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    activation: type[nn.Module] | None,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Convolution, normalisation and an activation, where there is one."""
    padding = kernel // 2 * dilation
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False),
        nn.BatchNorm2d(outputs, eps=EPSILON),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class SqueezeExcitation(nn.Module):
    """Weights channels by what the whole picture shows."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * F.hardsigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class InvertedResidual(nn.Module):
    """Widens, convolves each channel by itself, narrows; with a shortcut where the shape stays."""

    def __init__(self, inputs: int, block: tuple[int, int, int, int, bool, int, int]):
        super().__init__()
        kernel, inside, outputs, squeezed, hard, stride, dilation = block
        activation = nn.Hardswish if hard else nn.ReLU
        layers: list[nn.Module] = []
        if inside != inputs:
            layers.append(convolution(inputs, inside, 1, activation))
        layers.append(convolution(inside, inside, kernel, activation, stride, dilation, groups=inside))
        if squeezed:
            layers.append(SqueezeExcitation(inside, squeezed))
        layers.append(convolution(inside, outputs, 1, None))
        self.block = nn.Sequential(*layers)
        self.around = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.around else self.block(x)


class MobileNet(nn.Module):
    """The trunk."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = [convolution(3, FIRST, 3, nn.Hardswish, stride=2)]
        channels = FIRST
        for block in BLOCKS:
            layers.append(InvertedResidual(channels, block))
            channels = block[2]
        layers.append(convolution(channels, LAST, 1, nn.Hardswish))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features (B, 16, 24, 40 and 960, ...) of a (B, 3, H, W) picture at 1/2, 1/4, 1/8 and 1/16 of its size."""
        taken = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in TAPS:
                taken.append(x)
        return taken
