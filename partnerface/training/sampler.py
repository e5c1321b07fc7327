"""Which rays a step sees: a function of the seed and the step alone, so that a resumed run goes on exactly."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from partnerface.conventions import CLASS_NAMES
from partnerface.errors import InputError
from partnerface.training.dataset import Dataset

#: Part of the rays that are drawn from the box around the mask; the others from the whole image.
BOX_SHARE = 0.9
BOX_MARGIN = 0.04
CLOTH = CLASS_NAMES.index("cloth")


@dataclass
class Batch:
    """Rays of one step.

    Attributes:
        frames: [B] positions in the dataset. slot: [R] which of them. pixels: [R, 2] x, y of pixel centres.
        colour: [R, 3] sRGB in [0, 1]. alpha: [R]. cloth: [R] 1 where the mask shows cloth. jitter: [R] in [0, 1).
        noise: [B, C] standard normal.
    """

    frames: Tensor
    slot: Tensor
    pixels: Tensor
    colour: Tensor
    alpha: Tensor
    cloth: Tensor
    jitter: Tensor
    noise: Tensor

    def share(self, rank: int, size: int) -> "Batch":
        """The rays of every `size`-th frame, from the frame `rank` on.

        Raises:
            InputError: not all would get as many.
        """
        frames = len(self.frames)
        if frames % size:
            good = ", ".join(str(count) for count in range(1, frames + 1) if frames % count == 0)
            raise InputError(
                f"{size} processes can't share the {frames} frames of a step (train.frames) evenly; {good} can"
            )
        if size == 1:
            return self
        mine = torch.nonzero(self.slot % size == rank)[:, 0]
        rays = {name: getattr(self, name)[mine] for name in ("pixels", "colour", "alpha", "cloth", "jitter")}
        return Batch(frames=self.frames[rank::size], slot=self.slot[mine] // size, noise=self.noise[rank::size], **rays)


class RaySampler:
    """Draws rays from the training frames.

    Args:
        dataset: the subject.
        positions: the frames to draw from.
        frames_per_step, rays_per_step: sizes of a batch.
        code_size: length C of the expression code.
        seed: of the run.
    """

    def __init__(
        self,
        dataset: Dataset,
        positions: np.ndarray,
        frames_per_step: int,
        rays_per_step: int,
        code_size: int,
        seed: int,
    ):
        self.dataset, self.seed, self.code_size = dataset, seed, code_size
        self.positions = positions
        self.frames = min(frames_per_step, len(self.positions))
        self.rays = max(rays_per_step // self.frames, 1)
        self.boxes = np.stack([self._box(dataset.alpha[i]) for i in self.positions])

    def _box(self, alpha: np.ndarray) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of the mask with a margin; the whole image when the mask is empty."""
        height, width = alpha.shape
        rows, columns = np.flatnonzero((alpha > 12).any(1)), np.flatnonzero((alpha > 12).any(0))
        if not len(rows):
            return 0, 0, width, height
        mx, my = int(width * BOX_MARGIN), int(height * BOX_MARGIN)
        return (
            max(columns[0] - mx, 0),
            max(rows[0] - my, 0),
            min(columns[-1] + 1 + mx, width),
            min(rows[-1] + 1 + my, height),
        )

    def batch(self, step: int, attempt: int = 0) -> Batch:
        """The rays of a step; another `attempt` gives other rays."""
        random = np.random.default_rng([self.seed, step, attempt])
        height, width = self.dataset.size
        chosen = np.sort(random.choice(len(self.positions), self.frames, replace=False))
        frames = self.positions[chosen]
        count = self.frames * self.rays
        slot = np.repeat(np.arange(self.frames), self.rays)
        whole = random.random(count) >= BOX_SHARE
        x0, y0, x1, y1 = (
            np.where(whole, full, self.boxes[chosen, i][slot]) for i, full in enumerate((0, 0, width, height))
        )
        x = (x0 + random.random(count) * (x1 - x0)).astype(np.int64)
        y = (y0 + random.random(count) * (y1 - y0)).astype(np.int64)
        index = frames[slot]
        return Batch(
            frames=torch.as_tensor(frames),
            slot=torch.as_tensor(slot),
            pixels=torch.as_tensor(np.stack([x, y], 1) + 0.5, dtype=torch.float32),
            colour=torch.as_tensor(self.dataset.rgb[index, y, x].astype(np.float32) / 255),
            alpha=torch.as_tensor(self.dataset.alpha[index, y, x].astype(np.float32) / 255),
            cloth=torch.as_tensor((self.dataset.classes[index, y, x] == CLOTH).astype(np.float32)),
            jitter=torch.as_tensor(random.random(count), dtype=torch.float32),
            noise=torch.as_tensor(random.standard_normal((self.frames, self.code_size)), dtype=torch.float32),
        )
