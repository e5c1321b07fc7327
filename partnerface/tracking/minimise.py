"""Levenberg-Marquardt on the clip's cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from partnerface.tracking.solver import ArrowSystem, solve
from partnerface.tracking.state import ClipState

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-7, 1e6


class Cost(Protocol):
    """What can be minimised."""

    def cost(self, state: ClipState) -> float:
        """The cost of a state."""
        ...

    def system(self, state: ClipState, shared: bool = True) -> ArrowSystem:
        """Its normal equations there."""
        ...


@dataclass
class Minimum:
    """Where the minimisation ended: the state, its cost, how many steps it took and whether it settled."""

    state: ClipState
    cost: float
    steps: int
    settled: bool


def minimise(
    problem: Cost,
    state: ClipState,
    shared: bool = True,
    steps: int = 20,
    tolerance: float = 1e-4,
    on_step: Callable[[], None] | None = None,
) -> Minimum:
    """Lower the cost until a step lowers it by less than `tolerance` of itself.

    Args:
        problem: what to meet.
        state: where to start.
        shared: move the shape and the focal length too.
        steps: at most so many accepted steps.
        tolerance: relative.
        on_step: called after each accepted step.
    """
    cost, damping = problem.cost(state), _FIRST_DAMPING
    for done in range(steps):
        system = problem.system(state, shared)
        while True:
            better = _try(problem, state, system, damping, shared)
            if better is not None and better[1] < cost:
                break
            damping *= 8
            if damping > _MOST_DAMPING:
                return Minimum(state, cost, done, True)
        state, gain, cost = better[0], cost - better[1], better[1]
        damping = max(damping / 8, _LEAST_DAMPING)
        if on_step:
            on_step()
        if gain < tolerance * cost:
            return Minimum(state, cost, done + 1, True)
    return Minimum(state, cost, steps, False)


def _try(
    problem: Cost, state: ClipState, system: ArrowSystem, damping: float, shared: bool
) -> tuple[ClipState, float] | None:
    """The state one damped step further and its cost; None when the step can't be had."""
    try:
        solution = solve(system.damped(damping))
    except torch.linalg.LinAlgError:  # pyright: ignore[reportPrivateImportUsage]
        return None
    moved = state.moved(solution.own, solution.shared if shared else None)
    cost = problem.cost(moved)
    return (moved, cost) if cost == cost else None
