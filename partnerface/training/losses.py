"""What a step minimises."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from partnerface.avatar.model import Avatar, Rendering
from partnerface.training.sampler import Batch


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms beside the photometric one."""

    alpha: float
    spread: float
    adrift: float
    deformation: float
    imitation: float
    entropy: float
    balance: float
    calibration: float
    apart: float


def losses(
    avatar: Avatar,
    rendering: Rendering,
    batch: Batch,
    hard: bool,
    weights: LossWeights,
    mean: Callable[[Tensor], Tensor] = Tensor.detach,
) -> dict[str, Tensor]:
    """Weighted terms by name; their sum is minimised.

    `mean` gives the mean of a value over the processes that share the step, without a gradient. The mean of their terms
    is then what one process would have found from all rays, and so is that of their gradients.

    * colour: mean squared error over rays and channels (its minimum is the maximum of the pooled PSNR);
    * alpha: mean squared error of the opacity against the mask;
    * spread: mean variance of the depth along a ray, cm^2: the head is a surface, not a fog;
    * adrift: mean distance of what is seen from the head model, cm: depth that parallax leaves open stays near;
    * deformation: mean squared displacement in units of the deformation scale, over visible samples;
    * imitation (warm-up): cross-entropy of the assigner against the fixed partition;
    * entropy (after it): each visible point should belong to few parts; balance: the parts' shares of the surface
      should be even (Kullback-Leibler divergence from the uniform distribution);
    * calibration: squared weights of the pose calibration;
    * apart (with shoulders): mean squared error of the head's own opacity against the mask without cloth, so that the
      layer behind it paints no face.
    """
    terms = {
        "colour": functional.mse_loss(rendering.colour, batch.colour),
        "alpha": weights.alpha * functional.mse_loss(rendering.opacity, batch.alpha),
        "spread": weights.spread * rendering.spread.mean() * 1e4,
        "adrift": weights.adrift * rendering.adrift.mean() * 1e2,
    }
    visible = rendering.weight.detach()
    visible = visible / mean(visible.sum()).clamp(min=1e-6)
    deformation = avatar.deformation
    if rendering.displacement is not None and deformation is not None:
        size = (rendering.displacement / deformation.scale).square().sum(1)
        terms["deformation"] = weights.deformation * (visible * size).sum()
    if rendering.logits is not None and deformation is not None:
        # The softmax of the logits: a part that weighs nothing anywhere can come back.
        log_share = torch.log_softmax(rendering.logits.t(), dim=0).t()
        if hard:
            label = deformation.labels(rendering.canonical.detach())
            imitation = functional.nll_loss(log_share, label, reduction="none")
            terms["imitation"] = weights.imitation * (visible * imitation).sum()
        else:
            share = log_share.exp()
            terms["entropy"] = weights.entropy * (visible * -(share * log_share).sum(1)).sum()
            own = (visible[:, None] * share).sum(0)
            # The value is that of all processes, the gradient by this one's samples.
            amount = (own + (mean(own) - own.detach())).clamp(min=1e-9)
            terms["balance"] = weights.balance * ((amount * amount.log()).sum() + math.log(deformation.parts))
    if avatar.calibration is not None:
        terms["calibration"] = weights.calibration * avatar.calibration.weight.square().sum()
    if avatar.shoulders is not None:
        terms["apart"] = weights.apart * functional.mse_loss(rendering.head, batch.alpha * (1 - batch.cloth))
    return terms
