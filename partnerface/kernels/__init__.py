"""Numerical kernels of the avatar. `reference` holds the plain-torch form of each op."""
