"""Settings of the stages and the checking of config.yaml; standard library and PyYAML only."""

from partnerface.config.settings import SECTIONS, setting

__all__ = ["SECTIONS", "setting"]
