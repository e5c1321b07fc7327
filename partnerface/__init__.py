"""PartNerFace: from a video of one person to a head avatar that can be driven."""

__version__ = "0.1.0"
