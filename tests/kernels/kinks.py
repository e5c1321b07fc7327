"""Inputs of networks whose ReLUs all see a number well away from zero.

Near zero two forms of the same network may fall on different sides, and then their gradients differ by all of it.
"""

import torch
from torch import Tensor

KINK = 2e-4


def smooth_inputs(count: int, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    """[count, D] random inputs of a part mixture's layers."""
    found = torch.empty(0, layers[0][0].shape[1])
    while len(found) < count:
        some = torch.randn(2 * count, found.shape[1])
        found = torch.cat([found, some[_smooth(some, layers)]])
    return found[:count].contiguous()


@torch.no_grad()
def _smooth(x: Tensor, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    far = torch.ones(len(x), dtype=torch.bool)
    for part in range(len(layers[0][0])):
        values = x
        for weight, bias in layers[:-1]:
            values = values @ weight[part] + bias[part]
            far &= values.abs().amin(1) > KINK
            values = values.relu()
    return far
