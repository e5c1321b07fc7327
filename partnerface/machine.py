"""What this machine calls itself: it stands beside every number that depends on it."""

import contextlib
import platform
from pathlib import Path


def processor() -> str:
    """The processor's name, as Linux tells it, or else as Python does."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return name
