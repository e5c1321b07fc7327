"""Adam (Kingma and Ba, ICLR 2015, algorithm 1) and a running mean of the values, in one pass over memory."""

from torch import Tensor


def adam(
    gradient: Tensor,
    value: Tensor,
    first: Tensor,
    second: Tensor,
    mean: Tensor,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
    step: int,
    scale: float,
    memory: float,
) -> None:
    """Take a step, in place.

    Args:
        gradient: of `value`; it is multiplied by `scale` first.
        value, first, second, mean: what is optimised, its gradient's two moments, and the running mean; all of the
            gradient's shape, all changed.
        rate: learning rate. betas, epsilon: of Adam. step: counts from 1.
        memory: what the running mean keeps of itself.
    """
    gradient = gradient * scale
    first.lerp_(gradient, 1 - betas[0])
    second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
    deviation = second.sqrt().mul_((1 - betas[1] ** step) ** -0.5).add_(epsilon)
    value.addcdiv_(first, deviation, value=-rate / (1 - betas[0] ** step))
    mean.lerp_(value, 1 - memory)
