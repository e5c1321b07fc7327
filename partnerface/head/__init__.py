"""FLAME-shaped head models: the struct, its skinning, and a built-in head that is free of licence."""

from partnerface.head.model import HeadModel

__all__ = ["HeadModel"]
