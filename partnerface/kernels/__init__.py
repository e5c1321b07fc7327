"""Numerical kernels of the avatar. `reference` holds the plain-torch form of each op."""


def prepare() -> None:
    """Set up torch for the kernels; call it before the first op of a process.

    Numbers below 1e-38 become zero: transmittances behind a surface and Adam's moments of hidden grid rows fall into
    that range by the thousand, and a CPU takes a hundred times as long for each. Worker threads inherit the switch, so
    it has to be set before they start.
    """
    import torch

    torch.set_flush_denormal(True)
