"""The linear system of one step over the whole clip, solved exactly.

The unknowns of a frame meet those of the next frame through smoothness only, and those of all frames meet the shared
ones, so the matrix is an arrow: block-tridiagonal with a border. Elimination runs along the frames once, carrying the
border's columns as further right-hand sides; the Schur complement then gives the shared unknowns.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class ArrowSystem:
    """Normal equations of T frames with P unknowns each and K shared ones (K may be 0).

    Attributes:
        own: (T, P, P) diagonal blocks, smoothness included.
        coupling: (T - 1, P) c >= 0; the block between frames t and t + 1 is -diag(c[t]).
        cross: (T, P, K) border.
        shared: (K, K) corner.
        own_gradient: (T, P) gradient of the cost; the step goes against it.
        shared_gradient: (K,).
    """

    own: Tensor
    coupling: Tensor
    cross: Tensor
    shared: Tensor
    own_gradient: Tensor
    shared_gradient: Tensor

    def damped(self, factor: float) -> "ArrowSystem":
        """The same with the diagonal raised by a factor, as Levenberg and Marquardt do."""
        own, shared = self.own.clone(), self.shared.clone()
        for block in (own, shared):
            diagonal = block.diagonal(dim1=-2, dim2=-1)
            diagonal += factor * diagonal
        return ArrowSystem(own, self.coupling, self.cross, shared, self.own_gradient, self.shared_gradient)

    def without(self, columns: slice) -> "ArrowSystem":
        """The same in which these unknowns of each frame stay as they are."""
        own, coupling, cross, gradient = (x.clone() for x in (self.own, self.coupling, self.cross, self.own_gradient))
        own[:, columns], own[:, :, columns] = 0.0, 0.0
        own.diagonal(dim1=1, dim2=2)[:, columns] = 1.0
        coupling[:, columns], cross[:, columns], gradient[:, columns] = 0.0, 0.0, 0.0
        return ArrowSystem(own, coupling, cross, self.shared, gradient, self.shared_gradient)


@dataclass
class Solution:
    """The step, and the covariance of the shared unknowns with the frames' unknowns marginalised.

    Attributes:
        own: (T, P).
        shared: (K,).
        covariance: (K, K).
    """

    own: Tensor
    shared: Tensor
    covariance: Tensor


def solve(system: ArrowSystem) -> Solution:
    """Solve for the step that makes the gradient vanish.

    Raises:
        torch.linalg.LinAlgError: the matrix is not positive definite (damp it and try again).
    """
    inverses, right = _eliminate(system)
    frames = right.shape[0]
    solved = torch.empty_like(right)
    solved[-1] = inverses[-1] @ right[-1]
    for t in range(frames - 2, -1, -1):
        solved[t] = inverses[t] @ (right[t] + system.coupling[t, :, None] * solved[t + 1])
    step, border = solved[..., 0], solved[..., 1:]
    if system.shared.shape[0] == 0:
        return Solution(step, system.shared_gradient, system.shared)
    schur = system.shared - torch.einsum("tpk,tpl->kl", system.cross, border)
    factor = torch.linalg.cholesky((schur + schur.T) / 2)
    residual = -system.shared_gradient - torch.einsum("tpk,tp->k", system.cross, step)
    shared = torch.cholesky_solve(residual[:, None], factor)[:, 0]
    return Solution(step - border @ shared, shared, torch.cholesky_inverse(factor))


def _eliminate(system: ArrowSystem) -> tuple[Tensor, Tensor]:
    """Forward sweep: the inverses (T, P, P) of the pivots and the reduced right-hand sides (T, P, 1 + K)."""
    right = torch.cat([-system.own_gradient[..., None], system.cross], dim=-1)
    inverses = torch.empty_like(system.own)
    for t in range(right.shape[0]):
        pivot = system.own[t]
        if t:
            carried = system.coupling[t - 1]
            pivot = pivot - carried[:, None] * inverses[t - 1] * carried
            right[t] += carried[:, None] * (inverses[t - 1] @ right[t - 1])
        inverses[t] = torch.cholesky_inverse(torch.linalg.cholesky(pivot))
    return inverses, right
