"""What a step minimises, from its rays to the terms of the loss, as one module that several processes can share."""

from collections.abc import Callable

from torch import Tensor, nn

from partnerface.avatar.model import Avatar, Rendering
from partnerface.avatar.motion import Motion
from partnerface.config.settings import TrainSettings
from partnerface.training.losses import LossWeights, losses
from partnerface.training.sampler import Batch


class Objective(nn.Module):
    """Renders the rays of a batch and compares them with the pictures.

    Args:
        avatar: what is trained; its parameters are this module's.
        motion: of the dataset's frames. camera: [N, 3, 3] their K. background: [3] sRGB.
        settings: of the training.
        mean: of a value over the processes that share a step, see `losses`.
    """

    def __init__(
        self, avatar: Avatar, motion: Motion, camera: Tensor, background: Tensor, settings: TrainSettings,
        mean: Callable[[Tensor], Tensor],
    ):  # fmt: skip
        super().__init__()
        self.avatar = avatar
        self.motion, self.camera, self.background, self.settings, self.mean = motion, camera, background, settings, mean
        self.weights = LossWeights(
            alpha=settings.weight_alpha,
            spread=settings.weight_spread,
            adrift=settings.weight_adrift,
            deformation=settings.weight_deformation,
            imitation=settings.weight_imitation,
            entropy=settings.weight_entropy,
            balance=settings.weight_balance,
            calibration=settings.weight_calibration,
            apart=settings.weight_apart,
        )

    def render(self, batch: Batch, hard: bool, noise: float = 0.0) -> Rendering:
        """The rays of a batch; `noise` is the standard deviation of what is added to the expression code."""
        conditions = self.avatar.conditions(self.motion.take(batch.frames), batch.noise * noise if noise else None)
        return self.avatar.render(
            batch.pixels,
            batch.slot,
            self.camera[batch.frames],
            conditions,
            self.background,
            self.settings.step_mm / 1000,
            batch.jitter,
            hard,
        )

    def forward(self, batch: Batch, hard: bool) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor, Tensor]]:
        """The weighted terms by name, and where the samples were: points, canonical [M, 3] and weight [M], detached."""
        rendering = self.render(batch, hard, self.settings.code_noise)
        terms = losses(self.avatar, rendering, batch, hard, self.weights, self.mean)
        return terms, (rendering.points.detach(), rendering.canonical.detach(), rendering.weight.detach())
