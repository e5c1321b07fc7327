"""Under which terms a head model may be used, by its name: an avatar holds its head, and is bound by them."""

OWN = "free: part of PartNerFace, Apache-2.0"
FLAME = "Max Planck's own licence, for non-commercial research"
FLAME_OPEN = "CC-BY-4.0"
UNKNOWN = "unknown: as its maker says"


def licence_of(name: str) -> str:
    """The licence of the head model `name`, in words."""
    if name.startswith("builtin"):
        return OWN
    if name.startswith("flame-2023-open"):
        return FLAME_OPEN
    # What is only flame-shaped may be anybody's.
    return FLAME if name.startswith("flame-") and not name.startswith("flame-shaped") else UNKNOWN
