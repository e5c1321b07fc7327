"""Adam over the avatar's parameters, with the running mean that becomes the trained avatar."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from partnerface.kernels.adam import adam

BETAS, EPSILON = (0.9, 0.99), 1e-15


class Optimiser:
    """Moments and running means of named parameters.

    Args:
        groups: per group a learning rate and its parameters by name.
    """

    def __init__(self, groups: list[tuple[float, dict[str, Tensor]]]):
        self._groups = groups
        self._steps = 0
        self._kept = {
            name: {"first": torch.zeros_like(value), "second": torch.zeros_like(value), "mean": value.detach().clone()}
            for name, _, value in self._named()
        }

    def _named(self) -> Iterator[tuple[str, float, Tensor]]:
        for rate, parameters in self._groups:
            for name, value in parameters.items():
                yield name, rate, value

    def clear(self) -> None:
        """Forget the gradients."""
        for _, _, value in self._named():
            value.grad = None

    def norm(self) -> Tensor:
        """The gradients' Euclidean norm over all parameters."""
        return torch.nn.utils.get_total_norm([value.grad for _, _, value in self._named() if value.grad is not None])

    @torch.no_grad()
    def step(self, factor: float, scale: float, memory: float) -> None:
        """Take a step.

        Args:
            factor: on the learning rates. scale: on the gradients. memory: what the running means keep of themselves.
        """
        self._steps += 1
        for name, rate, value in self._named():
            kept = self._kept[name]
            if value.grad is None:
                kept["mean"].lerp_(value, 1 - memory)
                continue
            adam(
                value.grad,
                value.detach(),
                kept["first"],
                kept["second"],
                kept["mean"],
                rate * factor,
                BETAS,
                EPSILON,
                self._steps,
                scale,
                memory,
            )

    @torch.no_grad()
    def settle(self) -> None:
        """Give every parameter its running mean."""
        for name, _, value in self._named():
            value.copy_(self._kept[name]["mean"])

    def state(self) -> dict[str, Any]:
        """All that `restore` needs."""
        return {"steps": self._steps, "kept": self._kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._steps = state["steps"]
        self._kept = {name: {key: value.clone() for key, value in kept.items()} for name, kept in state["kept"].items()}
