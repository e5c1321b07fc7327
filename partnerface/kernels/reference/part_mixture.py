"""K local MLPs evaluated together and blended by weights (PartNerFace's aggregation of all local predictions)."""

import torch
from torch import Tensor


def part_mixture(features: Tensor, weights: Tensor, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    """sum_k weights[:, k] MLP_k(features), ReLU between layers.

    Args:
        features: [N, D] input of every local MLP.
        weights: [N, K] soft (or one-hot) part weights.
        layers: per layer a weight [K, D_in, D_out] and a bias [K, D_out].

    Returns:
        [N, D_out of the last layer]. Differentiable in everything.
    """
    (first, first_bias), *rest = layers
    parts, inputs, hidden = first.shape
    # All parts read the same features, so the first layer of all of them is one wide product.
    flat = torch.addmm(first_bias.reshape(-1), features, first.permute(1, 0, 2).reshape(inputs, parts * hidden))
    state = flat.view(-1, parts, hidden).transpose(0, 1)
    for weight, bias in rest:
        state = torch.baddbmm(bias[:, None], torch.relu(state), weight)
    return torch.einsum("knd,nk->nd", state, weights)
