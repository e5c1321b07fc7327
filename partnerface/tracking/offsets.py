"""The subject's own places of the landmarks: what shape and expression leave over in the same way in every frame.

A static displacement of a landmark in rest space moves its projection linearly, so with poses and expressions held the
best displacements are one linear least-squares problem over all frames. A prior keeps them small and alike in
neighbouring landmarks.
"""

import torch
from torch import Tensor

from partnerface.head.points import LEFT_IRIS, RIGHT_IRIS
from partnerface.tracking.cost import CHUNK, Problem
from partnerface.tracking.landmark_head import LandmarkHead
from partnerface.tracking.projection import project, static_rows
from partnerface.tracking.state import ClipState

OFFSET_STD = 0.004  # metres
DIFFERENCE_STD = 0.0012  # metres, between neighbouring landmarks
NEIGHBOURS = 6


def landmark_offsets(head: LandmarkHead, problem: Problem, state: ClipState, present: Tensor) -> Tensor:
    """Static displacements (L, 3), metres, in place of `present`.

    Args:
        head: the landmarks without any displacement (its rest places say who neighbours whom).
        problem: the frames to use, its head displaced by `present`.
        state: their fitted state.
        present: (L, 3).
    """
    count = head.count
    matrix = torch.zeros(count, 3, 3, dtype=present.dtype)
    vector = torch.zeros(count, 3, dtype=present.dtype)
    for start in range(0, len(state), CHUNK):
        part = slice(start, min(start + CHUNK, len(state)))
        some = state.frames(part)
        seen = project(problem.head, some)
        rows = static_rows(problem.head, some)
        residual, squared, information = problem.landmark_residuals(seen, part)
        weight = information / problem.repetition / (1 + squared / problem.priors.outlier**2) ** 2
        rows = rows / problem.size[part, None, None, None]
        # Against what the landmark would be without its present displacement.
        target = residual - torch.einsum("tlcd,ld->tlc", rows, present)
        matrix += torch.einsum("tl,tlca,tlcb->lab", weight, rows, rows)
        vector -= torch.einsum("tl,tlca,tlc->la", weight, rows, target)
    return _solve(matrix, vector, _graph(head.rest))


def _graph(rest: Tensor) -> Tensor:
    """(L, L) Laplacian of the symmetric nearest-neighbour graph."""
    distance = torch.cdist(rest, rest)
    # An iris belongs to no lid.
    for iris in (LEFT_IRIS, RIGHT_IRIS):
        inside = torch.zeros(len(rest), dtype=torch.bool)
        inside[list(iris)] = True
        distance[inside[:, None] != inside] = torch.inf
    near, nearest = (item[:, 1:] for item in distance.topk(NEIGHBOURS + 1, largest=False))
    adjacent = torch.zeros_like(distance)
    adjacent.scatter_(1, nearest, near.isfinite().to(rest.dtype))
    adjacent = torch.maximum(adjacent, adjacent.T)
    return torch.diag(adjacent.sum(1)) - adjacent


def _solve(matrix: Tensor, vector: Tensor, laplacian: Tensor) -> Tensor:
    count = len(vector)
    whole = torch.kron(laplacian / DIFFERENCE_STD**2, torch.eye(3, dtype=vector.dtype))
    whole.diagonal().add_(OFFSET_STD**-2)
    blocks = whole.view(count, 3, count, 3)
    index = torch.arange(count)
    blocks[index, :, index, :] += matrix
    return torch.cholesky_solve(vector.reshape(-1, 1), torch.linalg.cholesky(whole)).reshape(count, 3)
