"""Inputs of networks whose ReLUs all see a number well away from zero.

Near zero two forms of the same network may fall on different sides, and then their gradients differ by all of it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from partnerface.kernels.part_mixture import part_mixture
from tests.kernels.scenes import layers as random_layers

KINK = 2e-4


def smooth_inputs(count: int, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    """[count, D] random inputs of a part mixture's layers."""
    found = torch.empty(0, layers[0][0].shape[1])
    while len(found) < count:
        some = torch.randn(2 * count, found.shape[1])
        found = torch.cat([found, some[_smooth(some, layers)]])
    return found[:count].contiguous()


def smooth_mixture(
    count: int, parts: int, widths: tuple[int, ...]
) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]]]:
    """Inputs [count, widths[0]], weights [count, parts] and layers of a part mixture, all of which want gradients."""
    layers = [(weight.requires_grad_(), bias.requires_grad_()) for weight, bias in random_layers(parts, *widths)]
    x = smooth_inputs(count, layers).requires_grad_()
    return x, torch.softmax(3 * torch.randn(count, parts), 1).requires_grad_(), layers


def smooth_blendshapes(count: int, frames: int, bound: float) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """The mixture of the default method, whose outputs are added up, and what it is called with."""
    x, weights, layers = smooth_mixture(count, 8, (27, 24, 24, 75))
    # Samples stand by frames, so that some blocks of them are of one.
    amounts, slot = torch.randn(frames, 25), torch.randint(frames, (count,)).sort().values

    def call(x: Tensor, w: Tensor, amounts: Tensor, slot: Tensor, *flat: Tensor) -> Tensor:
        return part_mixture(x, w, list(zip(flat[::2], flat[1::2], strict=True)), bound, amounts, slot)

    return call, [x, weights, amounts, slot, *(tensor for pair in layers for tensor in pair)]


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


@torch.no_grad()
def smooth_pair(count: int, first: nn.Sequential, second: nn.Sequential) -> tuple[Tensor, Tensor]:
    """[count, D] and [count, E] random inputs of two networks, as `field_networks` runs them."""
    layers = [[one for one in network if isinstance(one, nn.Linear)] for network in (first, second)]
    width, extra = layers[0][0].in_features, layers[1][0].in_features - layers[0][-1].out_features + 1
    kept = torch.empty(0, width + extra)
    while len(kept) < count:
        some = torch.randn(2 * count, width + extra)
        far, passed = _far(some[:, :width], first)
        also, _ = _far(torch.cat([passed[:, 1:], some[:, width:]], dim=1), second)
        kept = torch.cat([kept, some[far & also]])
    return kept[:count, :width].contiguous(), kept[:count, width:].contiguous()


def _far(x: Tensor, network: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Whose ReLUs all see a number well away from zero, and the network's outputs."""
    far = torch.ones(len(x), dtype=torch.bool)
    for layer in network:
        if isinstance(layer, nn.ReLU):
            far &= x.abs().amin(1) > KINK
        x = layer(x)
    return far, x
