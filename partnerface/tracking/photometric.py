"""Photometric refinement: the same place of the skin has to look the same in every frame.

Landmark detectors err by a percent of the face's width, differently in every pose. Here the detail that the frames show
at places of the fitted surface is compared with its own mean over the clip, and the frames' unknowns move so that they
agree, with the landmark terms and priors still in force; then the mean is taken anew. It is the alignment of Lucas and
Kanade (1981) with the head model as the warp, all frames at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from partnerface.head.model import HeadModel
from partnerface.tracking.cost import Problem
from partnerface.tracking.landmark_head import LandmarkHead, landmark_head
from partnerface.tracking.minimise import minimise
from partnerface.tracking.projection import project
from partnerface.tracking.solver import ArrowSystem
from partnerface.tracking.state import ClipState
from partnerface.tracking.texture import detail, gradient, sample, skin_points

CHUNK = 32
POINTS = 700
#: So many of the points count as independent of each other.
EFFECTIVE_POINTS = 1000.0
ROUNDS, STEPS = 3, 3
# Deviations (of a point's own spread) beyond which a point stops pulling: a highlight, a hand, an open mouth.
_OUTLIER = 3.0
_LEAST_SPREAD = 0.15
# Cosine of the surface's angle to the line of sight where a point begins to count, and where it counts in full.
_HIDDEN, _SEEN = 0.25, 0.6
DTYPE = torch.float32


@dataclass
class PhotometricProblem:
    """The landmarks' problem and the looks of the skin beside it.

    Attributes:
        problem: landmarks, priors, smoothness.
        surface: the places of the skin.
        images: (T, h, w) detail of the frames.
        scale: pixels of `images` per pixel of the frames.
        principal_point: (2,) px of the frames.
        mean: (n,) what each place looks like.
        spread: (n,) how much that varies.
    """

    problem: Problem
    surface: LandmarkHead
    images: Tensor
    scale: float
    principal_point: Tensor
    mean: Tensor
    spread: Tensor

    def cost(self, state: ClipState) -> float:
        """The landmarks' cost and half the robustified squares of the looks."""
        total = self.problem.cost(state)
        for part in _chunks(len(state)):
            pixels, weight = self._look(state.frames(part))
            squared = self._residual(part, pixels) ** 2
            total += 0.5 * float((weight * squared / (1 + squared / _OUTLIER**2)).sum())
        return total

    def system(self, state: ClipState, shared: bool = False) -> ArrowSystem:
        """Normal equations of the frames' own unknowns."""
        if shared:
            raise ValueError("the photometric refinement holds shape and focal length")
        system = self.problem.system(state, shared=False)
        for part in _chunks(len(state)):
            some = state.frames(part)
            pixels, weight = self._look(some)
            residual = self._residual(part, pixels)
            slope = gradient(self.images[part], pixels) * self.scale
            jacobian = project(self.surface, some.converted(DTYPE), jacobian=True, shared=False, along=slope).jacobian
            assert jacobian is not None
            factor = weight.sqrt() / (1 + residual**2 / _OUTLIER**2)
            rows = jacobian[:, :, 0] * (factor / self.spread)[..., None]
            turned = rows.transpose(1, 2)
            system.own[part] += turned @ rows
            system.own_gradient[part] += (turned @ (residual * factor)[..., None])[..., 0]
        return system

    def renewed(self, state: ClipState) -> "PhotometricProblem":
        """The same with mean and spread as the frames show them in `state`."""
        looks = []
        for part in _chunks(len(state)):
            pixels, weight = self._look(state.frames(part))
            looks.append((sample(self.images[part], pixels), weight))
        values, weights = (torch.cat(items) for items in zip(*looks, strict=True))
        mean, spread = _robust_mean(values, weights)
        return replace(self, mean=mean, spread=spread)

    def _look(self, state: ClipState) -> tuple[Tensor, Tensor]:
        """Where the places fall in the detail images (T, n, 2) and what each counts (T, n)."""
        state = state.converted(DTYPE)
        pixels = (project(self.surface, state).pixels + self.principal_point) * self.scale
        normals = self.surface.normals @ state.rotation.transpose(-1, -2)
        facing = ((-normals[..., 2] - _HIDDEN) / (_SEEN - _HIDDEN)).clamp(0, 1)
        height, width = self.images.shape[1:]
        inside = (pixels > 2) & (pixels < torch.tensor([width - 2.0, height - 2.0]))
        return pixels, facing * inside.all(-1) * (EFFECTIVE_POINTS / self.surface.count)

    def _residual(self, part: slice, pixels: Tensor) -> Tensor:
        return (sample(self.images[part], pixels) - self.mean) / self.spread


def _chunks(count: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]


def _robust_mean(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (n,) over the frames that lets outliers go, and spread (n,) from the median distance to it.

    Args:
        values: (T, n).
        weights: (T, n) >= 0.
    """
    seen = weights > 0
    mean = torch.where(seen, values, torch.nan).nanmedian(0).values.nan_to_num(0.0)
    for _ in range(3):
        off = values - mean
        spread = (1.4826 * torch.where(seen, off.abs(), torch.nan).nanmedian(0).values).nan_to_num(1e3)
        spread = spread.clamp(min=_LEAST_SPREAD)
        share = weights / (1 + (off / spread) ** 2) ** 2
        mean = (share * values).sum(0) / share.sum(0).clamp(min=1e-9)
    return mean, spread


def photometric_problem(
    problem: Problem, model: HeadModel, frames: np.ndarray, principal_point: np.ndarray
) -> PhotometricProblem:
    """Set the refinement up; `renewed` has to follow before anything is minimised.

    Args:
        problem: the landmarks' problem of the same frames.
        model: the head with the subject's own surface.
        frames: (T, H, W, 3) uint8.
        principal_point: (2,) px.
    """
    surface = landmark_head(model, DTYPE, *skin_points(model, POINTS))
    images, scale = detail(frames, float(problem.size.median()))
    nothing = torch.zeros(surface.count)
    middle = torch.as_tensor(principal_point, dtype=DTYPE)
    return PhotometricProblem(problem, surface, images, scale, middle, nothing, nothing + 1)


def refine(photometric: PhotometricProblem, state: ClipState, on_step: Callable[[], None] | None = None) -> ClipState:
    """The state after ROUNDS of minimising and taking the mean anew; shape and focal length stay."""
    for _ in range(ROUNDS):
        photometric = photometric.renewed(state)
        state = minimise(photometric, state, shared=False, steps=STEPS, tolerance=1e-3, on_step=on_step).state
    return state
