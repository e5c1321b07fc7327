"""K local MLPs evaluated together and blended by weights (PartNerFace's aggregation of all local predictions)."""

import torch
from torch import Tensor

Layers = list[tuple[Tensor, Tensor]]


def check(
    features: Tensor, weights: Tensor | None, layers: Layers, amounts: Tensor | None = None, slot: Tensor | None = None
) -> None:
    """Raise ValueError where a shape does not fit."""
    if features.ndim != 2:
        raise ValueError(f"features must have the shape [N, D], not {list(features.shape)}")
    parts, wide = layers[0][0].shape[0], features.shape[1]
    if weights is not None and tuple(weights.shape) != (len(features), parts):
        raise ValueError(f"weights must have the shape [{len(features)}, {parts}], not {list(weights.shape)}")
    if weights is None and parts != 1:
        raise ValueError(f"{parts} parts need weights")
    for at, (weight, bias) in enumerate(layers):
        if weight.ndim != 3 or tuple(weight.shape[:2]) != (parts, wide):
            raise ValueError(f"weight {at} must have the shape [{parts}, {wide}, D_out], not {list(weight.shape)}")
        wide = weight.shape[2]
        if tuple(bias.shape) != (parts, wide):
            raise ValueError(f"bias {at} must have the shape [{parts}, {wide}], not {list(bias.shape)}")
    if amounts is None:
        return
    if amounts.ndim != 2 or not amounts.shape[1] or wide % amounts.shape[1]:
        raise ValueError(f"amounts must have the shape [B, a divisor of {wide}], not {list(amounts.shape)}")
    if slot is None or tuple(slot.shape) != (len(features),):
        raise ValueError(f"amounts want slots of the shape [{len(features)}]")


def add_up(blended: Tensor, amounts: Tensor, slot: Tensor) -> Tensor:
    """[N, D] sums of blended outputs [N, J * D], J groups of them, by their amounts [B, J] in the frames `slot` [N]."""
    return (blended.unflatten(1, (amounts.shape[1], -1)) * amounts[slot][..., None]).sum(1)


def part_mixture(
    features: Tensor,
    weights: Tensor | None,
    layers: Layers,
    bound: float = -1.0,
    amounts: Tensor | None = None,
    slot: Tensor | None = None,
) -> Tensor:
    """sum_k weights[:, k] MLP_k(features), ReLU between layers; with amounts, groups of outputs added up by them.

    Args:
        features: [N, D] input of every local MLP.
        weights: [N, K] soft (or one-hot) part weights; None for one MLP that stands alone.
        layers: per layer a weight [K, D_in, D_out] and a bias [K, D_out].
        bound: weights of at most this do not count: their parts are left out, and they have no gradient.
        amounts: [B, J] how much of each of J groups of outputs there is in each of B frames; None: they stay apart.
        slot: [N] int64, which frame each row belongs to; for amounts alone.

    Returns:
        [N, D_out of the last layer] or, with amounts, [N, D_out / J]. Differentiable in everything.

    Raises:
        ValueError: a shape does not fit.
    """
    check(features, weights, layers, amounts, slot)
    if amounts is not None and slot is not None:
        return add_up(part_mixture(features, weights, layers, bound), amounts, slot)
    (first, first_bias), *rest = layers
    parts, inputs, hidden = first.shape
    # All parts read the same features, so the first layer of all of them is one wide product.
    flat = torch.addmm(first_bias.reshape(-1), features, first.permute(1, 0, 2).reshape(inputs, parts * hidden))
    state = flat.view(-1, parts, hidden).transpose(0, 1)
    for weight, bias in rest:
        state = torch.baddbmm(bias[:, None], torch.relu(state), weight)
    if weights is None:
        return state[0]
    return torch.einsum("knd,nk->nd", state, torch.where(weights > bound, weights, 0.0))
