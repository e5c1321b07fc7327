"""The cost of a state of the clip, and its normal equations.

The sum of: landmark reprojection, each frame's in units of its own face size, with the Geman-McClure function so that a
landmark that is far off stops pulling; the openings of mouth and eyes, as differences of two landmarks, because
neighbouring landmarks err together and so their difference is known better than either; MediaPipe's relative depth,
weakly; the priors; limits; and changes from frame to frame with the Cauchy function, which smooths a resting face
strongly and lets a blink through.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from partnerface.tracking.landmark_head import LandmarkHead
from partnerface.tracking.priors import FramePriors, Priors, frame_priors
from partnerface.tracking.projection import Projection, project
from partnerface.tracking.scheme import OPENINGS
from partnerface.tracking.solver import ArrowSystem
from partnerface.tracking.state import ClipState

CHUNK = 32
#: In what the derivatives are taken.
FAST = torch.float32
# An opening's rows are made of its landmarks', whose own factors are divided out.
_TINY = 1e-12
PAIRS = torch.tensor(OPENINGS).T
# A landmark whose surface turns away from the camera loses weight from this cosine on, down to the floor.
_FULLY_SEEN, _LEAST_SEEN = 0.35, 0.03


@dataclass
class Problem:
    """The landmarks to be met and the priors.

    Attributes:
        head: the landmarks' model.
        observed: (T, L, 2) pixels relative to the principal point.
        depth: (T, L) MediaPipe's relative depth, pixels.
        weight: (T, L) >= 0, averaging 1 over the landmarks of a good frame; zero where there is nothing to meet.
        size: (T,) distance of the outer eye corners in pixels, were they seen from the front.
        drift: (T - 1, P) change from each frame to the next that is expected; only what differs from it is held down.
        principal_point: (T, 1, 2) px of the frames.
        gap: (T - 1,) time from each frame to the next in units of 1/30 s; infinite where nothing connects them.
        log_focal: (C,) prior mean of each camera's log focal.
        priors: standard deviations.
        columns: the same spread over a frame's unknowns.
    """

    head: LandmarkHead
    observed: Tensor
    depth: Tensor
    weight: Tensor
    size: Tensor
    drift: Tensor
    principal_point: Tensor
    gap: Tensor
    log_focal: Tensor
    priors: Priors
    columns: FramePriors

    def points(self) -> Tensor:
        """(T, L, 3) the landmarks with their relative depth, pixels, x and y from the principal point."""
        return torch.cat([self.observed, self.depth[..., None]], dim=-1)

    def frames(self, index: Tensor) -> "Problem":
        """Some of the frames, each on its own (no smoothness)."""
        return replace(
            self,
            observed=self.observed[index],
            depth=self.depth[index],
            weight=self.weight[index],
            size=self.size[index],
            principal_point=self.principal_point[index],
            drift=self.drift[:1].expand(len(index) - 1, -1),
            gap=torch.full((len(index) - 1,), torch.inf, dtype=self.gap.dtype),
        )

    def stretch(self, part: slice) -> "Problem":
        """Some frames that follow one another, as smooth as ever."""
        between = slice(part.start, max(part.stop - 1, part.start))
        return replace(
            self,
            observed=self.observed[part],
            depth=self.depth[part],
            weight=self.weight[part],
            size=self.size[part],
            principal_point=self.principal_point[part],
            drift=self.drift[between],
            gap=self.gap[between],
        )

    def seen(self, state: ClipState) -> "Problem":
        """The same with the landmarks that face away from the camera in `state` weighing less."""
        normals = self.head.normals @ state.rotation.transpose(-1, -2)
        facing = (-normals[..., 2] / _FULLY_SEEN).clamp(_LEAST_SEEN, 1.0)
        return replace(self, weight=self.weight * facing)

    # -- the cost ------------------------------------------------------------------------------------------------

    def cost(self, state: ClipState) -> float:
        """Half the sum of all squared and robustified terms."""
        seen = project(self.head, state)
        residual, _, squared, depth = self._residuals(seen.pixels, seen.depth, slice(None))
        _, opening_squared, opening_weight = self._openings(residual, slice(None))
        total = 0.5 * (opening_weight * opening_squared / (1 + opening_squared / self.priors.outlier**2)).sum()
        total = total + 0.5 * (self._information * self.weight * squared / (1 + squared / self.priors.outlier**2)).sum()
        total = total + 0.5 * (self._information * self.weight * depth**2).sum() / self.priors.depth_std**2
        values = state.values()
        beyond = values - values.clamp(self.columns.limits.lower, self.columns.limits.upper)
        total = total + 0.5 * (self.columns.precision * values**2).sum()
        total = total + 0.5 * self.columns.limit_precision * (beyond**2).sum()
        total = total + 0.5 * torch.einsum("tp,pq,tq->", values, self.columns.coupling, values)
        shared = torch.cat([state.log_focal - self.log_focal, state.shape])
        total = total + 0.5 * (self._shared_precision() * shared**2).sum()
        precision, scale = self._smoothness()
        change = state.differences() - self.drift
        total = total + 0.5 * (precision * scale**2 * torch.log1p(change**2 / scale**2)).sum()
        return float(total)

    @property
    def _information(self) -> float:
        return self.priors.effective_landmarks / self.head.count

    @property
    def repetition(self) -> float:
        """How many times over the frames say the same of what they share (see Priors.effective_frames)."""
        frames = float((self.weight.sum(1) > 0).sum())
        return max(1.0, frames / self.priors.effective_frames)

    def _shared_precision(self) -> Tensor:
        """(C + S,) of the log focals and the shape."""
        cameras = len(self.log_focal)
        precision = torch.full((cameras + self.head.n_shape,), self.priors.shape_std**-2, dtype=self.observed.dtype)
        precision[:cameras] = self.priors.log_focal_std**-2
        # Rather than taking weight from the frames, the priors of what is shared gain it.
        return precision * self.repetition

    def _residuals(self, pixels: Tensor, depth: Tensor, part: slice) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pixel residual over the face size (T, L, 2), shares (T, L) of each landmark in its frame's mean depth,
        squared residual in deviations (T, L), depth residual over the face size (T, L)."""
        size = self.size[part, None]
        residual = (pixels - self.observed[part]) / size[..., None]
        share = self.weight[part] / self.weight[part].sum(1, keepdim=True).clamp(min=1e-12)
        off = (depth - self.depth[part]) / size
        off = off - (share * off).sum(1, keepdim=True)
        return residual, share, (residual**2).sum(-1) / self.priors.landmark_std**2, off

    def landmark_residuals(self, seen: Projection, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Of some frames: pixel residual over the face size (T, L, 2), the same squared in deviations (T, L), and the
        information (T, L) that a landmark carries where it isn't far off."""
        residual, _, squared, _ = self._residuals(seen.pixels, seen.depth, part)
        return residual, squared, self._information * self.weight[part] / self.priors.landmark_std**2

    def _openings(self, residual: Tensor, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Of each pair: difference of its landmarks' residuals (T, K, 2), the same squared in deviations (T, K), and
        its information (T, K)."""
        upper, lower = PAIRS
        difference = residual[:, upper] - residual[:, lower]
        weight = torch.minimum(self.weight[part][:, upper], self.weight[part][:, lower])
        return difference, (difference**2).sum(-1) / self.priors.opening_std**2, self._information * weight

    def _smoothness(self) -> tuple[Tensor, Tensor]:
        """Precision (T - 1, P) of a change at rest and the scale (T - 1, P) beyond which it is let go."""
        gap = self.gap[:, None].clamp(max=1e6)
        variance = self.columns.change**2 * gap
        return torch.where(torch.isinf(self.gap)[:, None], 0.0, 1 / variance), self.columns.release * variance.sqrt()

    # -- the normal equations ------------------------------------------------------------------------------------

    def system(self, state: ClipState, shared: bool = True) -> ArrowSystem:
        """Gauss-Newton's normal equations at `state`, with the shared unknowns or for the frames alone."""
        frames, own = len(state), self.columns.precision.shape[0]
        extra = len(self.log_focal) + self.head.n_shape if shared else 0
        like = self.observed
        blocks, cross = like.new_zeros(frames, own, own), like.new_zeros(frames, own, extra)
        gradient, corner, corner_gradient = (
            like.new_zeros(frames, own),
            like.new_zeros(extra, extra),
            like.new_zeros(extra),
        )
        fast = self.head.converted(FAST)
        for start in range(0, frames, CHUNK):
            part = slice(start, min(start + CHUNK, frames))
            matrix, vector = self._landmark_equations(fast, state.frames(part), part, shared)
            blocks[part], cross[part], gradient[part] = matrix[:, :own, :own], matrix[:, :own, own:], vector[:, :own]
            corner += matrix[:, own:, own:].sum(0)
            corner_gradient += vector[:, own:].sum(0)
        values = state.values()
        beyond = values - values.clamp(self.columns.limits.lower, self.columns.limits.upper)
        diagonal = self.columns.precision + self.columns.limit_precision * (beyond != 0)
        gradient += self.columns.precision * values + self.columns.limit_precision * beyond
        gradient += values @ self.columns.coupling
        blocks += self.columns.coupling
        coupling = self._add_smoothness(state, diagonal, gradient)
        blocks.diagonal(dim1=-2, dim2=-1).add_(diagonal)
        if shared:
            precision = self._shared_precision()
            corner.diagonal().add_(precision)
            corner_gradient += precision * torch.cat([state.log_focal - self.log_focal, state.shape])
        return ArrowSystem(blocks, coupling, cross, corner, gradient, corner_gradient)

    def _add_smoothness(self, state: ClipState, diagonal: Tensor, gradient: Tensor) -> Tensor:
        """Add the changes' terms to the diagonal and gradient in place; returns the coupling (T - 1, P)."""
        precision, scale = self._smoothness()
        change = state.differences() - self.drift
        weight = precision / (1 + change**2 / scale**2)
        # For the rotation the exact derivatives of the change differ from -1 and +1 only across its own direction, so
        # the gradient is exact all the same.
        diagonal[:-1] += weight
        diagonal[1:] += weight
        gradient[:-1] -= weight * change
        gradient[1:] += weight * change
        return weight

    def _landmark_equations(
        self, fast: LandmarkHead, state: ClipState, part: slice, shared: bool
    ) -> tuple[Tensor, Tensor]:
        """Matrix (T, N, N) and gradient (T, N) of the landmark terms of some frames, N = P [+ C + S].

        `fast` is the head in FAST, in which the derivatives are taken: their products are most of the work of a step,
        and a step that is off in the sixth digit is judged by the exact cost all the same.
        """
        seen = project(self.head, state)
        residual, _, squared, off = self._residuals(seen.pixels, seen.depth, part)
        weight, size = self._information * self.weight[part], self.size[part, None]
        robust = (weight / (1 + squared / self.priors.outlier**2) ** 2).sqrt() / self.priors.landmark_std
        deep = weight.sqrt() / self.priors.depth_std
        factors = torch.stack([robust, robust, deep], dim=-1)
        rows = torch.cat([residual, off[..., None]], dim=-1) * factors
        jacobian = project(
            fast,
            state.converted(FAST),
            jacobian=True,
            shared=shared,
            depth=True,
            factors=(factors / size[..., None]).to(FAST),
        ).jacobian
        assert jacobian is not None
        matrix, vector = _products(jacobian, rows)
        # Depth counts from its weighted mean over the frame, which takes one direction's worth of it away.
        mean = torch.einsum(
            "tl,tln->tn",
            (weight.sqrt() / weight.sum(1, keepdim=True).sqrt().clamp(min=1e-9)).to(FAST),
            jacobian[:, :, 2],
        )
        matrix -= mean[:, :, None] * mean[:, None]

        opening, opening_squared, opening_weight = self._openings(residual, part)
        held = (opening_weight / (1 + opening_squared / self.priors.outlier**2) ** 2).sqrt() / self.priors.opening_std
        upper, lower = (
            jacobian[:, side, :2] * (held / robust[:, side].clamp(min=_TINY)).to(FAST)[..., None, None]
            for side in PAIRS
        )
        more_matrix, more_vector = _products(upper - lower, opening * held[..., None])
        return matrix + more_matrix, vector + more_vector


def _products(jacobian: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
    """J^T J (T, N, N) and J^T r (T, N) of weighted rows (T, n, C, N) and residuals (T, n, C)."""
    flat = jacobian.reshape(len(jacobian), -1, jacobian.shape[-1])
    vector = flat.transpose(1, 2) @ residual.reshape(len(flat), -1, 1).to(flat.dtype)
    return flat.transpose(1, 2) @ flat, vector[..., 0]


def make_problem(
    head: LandmarkHead,
    points: Tensor,
    weight: Tensor,
    size: Tensor,
    gap: Tensor,
    principal_point: Tensor,
    log_focal: Tensor,
    priors: Priors,
) -> Problem:
    """A problem from landmarks (T, L, 3) and principal points (T, 1, 2), px; `weight` (T, L) need not be normalised."""
    typical = weight.sum(1).median().clamp(min=1e-12) / head.count
    columns = frame_priors(priors, head.n_expression, points.dtype)
    return Problem(
        head=head,
        observed=points[..., :2] - principal_point,
        depth=points[..., 2],
        weight=weight / typical,
        size=size,
        principal_point=principal_point.to(points.dtype).expand(len(points), 1, 2),
        drift=points.new_zeros(len(gap), len(columns.precision)),
        gap=gap,
        log_focal=log_focal,
        priors=priors,
        columns=columns,
    )
