"""The deep guided filter of Robust Video Matting: a small result laid over a large picture.

H. Wu, S. Zheng, J. Zhang, K. Huang, "Fast end-to-end trainable guided filter", arXiv 1803.05619, after K. He's guided
filter; as S. Lin et al. use it, arXiv 2108.11515. The names of the modules are those of the published weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Channels of the decoder's finest level, from which alpha is read.
HIDDEN = 16


class DeepGuidedFilter(nn.Module):
    """In each small window the result y is taken for a x + b of the guide x.

    a is found from the covariance of both, the guide's variance and the decoder's features; b = mean(y) - a mean(x).
    Both are enlarged and applied to the large guide. Guide and result have four channels: red, green, blue and their
    mean; what the foreground's colours add to the picture's, and alpha.
    """

    def __init__(self):
        super().__init__()
        self.box_filter = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.conv = nn.Sequential(
            nn.Conv2d(8 + HIDDEN, HIDDEN, 1, bias=False),
            nn.BatchNorm2d(HIDDEN),
            nn.ReLU(),
            nn.Conv2d(HIDDEN, HIDDEN, 1, bias=False),
            nn.BatchNorm2d(HIDDEN),
            nn.ReLU(),
            nn.Conv2d(HIDDEN, 4, 1),
        )

    def forward(self, large: Tensor, small: Tensor, result: Tensor, hidden: Tensor) -> Tensor:
        """(B, 4, H, W) result.

        Args:
            large, small: (B, 3, H, W) and (B, 3, h, w), one picture at two sizes.
            result: (B, 4, h, w).
            hidden: (B, HIDDEN, h, w) the decoder's features.
        """
        guide, fine = (torch.cat([item, item.mean(1, keepdim=True)], 1) for item in (small, large))
        mean_x, mean_y = self.box_filter(guide), self.box_filter(result)
        covariance = self.box_filter(guide * result) - mean_x * mean_y
        variance = self.box_filter(guide * guide) - mean_x * mean_x
        slope = self.conv(torch.cat([covariance, variance, hidden], 1))
        offset = mean_y - slope * mean_x
        slope, offset = (
            F.interpolate(item, large.shape[2:], mode="bilinear", align_corners=False) for item in (slope, offset)
        )
        return slope * fine + offset
