"""Samples' features side by side, in the layout of the kernels."""

import torch
from torch import Tensor


def columns(*features: Tensor) -> Tensor:
    """[N, a], [N, b], ... → [N, a + b + ...], stored feature by feature, as the kernels read and write them."""
    kept = [one.t() for one in features if one.shape[1]]
    return kept[0].t() if len(kept) == 1 else torch.cat(kept).t()
