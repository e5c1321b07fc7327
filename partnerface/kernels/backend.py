"""Which form of an op runs: the plain-torch reference, or the kernels of the device that the tensors are on.

PARTNERFACE_BACKEND says it: `auto` (the default) takes kernels where they can run and the reference elsewhere;
`reference` takes the latter everywhere; `cpu` and `cuda` insist on the kernels of that device.
"""

import contextlib
import functools
import os
from collections.abc import Iterator

import torch

from partnerface.errors import InputError
from partnerface.kernels.library import ISA, Library, UnavailableError, cpu_library, cuda_library

VARIABLE = "PARTNERFACE_BACKEND"
BACKENDS = ("auto", "reference", "cpu", "cuda")
_OPEN = {"cpu": cpu_library, "cuda": cuda_library}
_forced: list[str] = []


def wanted() -> str:
    """What the environment asks for.

    Raises:
        InputError: it asks for something else than BACKENDS.
    """
    value = _forced[-1] if _forced else os.environ.get(VARIABLE) or "auto"
    if value not in BACKENDS:
        raise InputError(f"{VARIABLE} is {value!r}; allowed: {', '.join(BACKENDS)}")
    return value


def library(device: torch.device) -> Library | None:
    """The kernels for tensors on a device; None where the reference runs.

    Raises:
        InputError: kernels are insisted on and there are none.
    """
    return _library(wanted(), device.type, os.environ.get(ISA) or "")


def kernels(device: torch.device) -> Library:
    """The kernels for tensors on a device, for ops that were called because there are some."""
    return _OPEN[device.type]()


@functools.cache
def _library(asked: str, device: str, isa: str) -> Library | None:
    if asked == "reference" or (asked == "auto" and device not in _OPEN):
        return None
    if asked not in ("auto", device):
        raise InputError(f"{VARIABLE} is {asked}, but the tensors are on {device}; set it to auto")
    try:
        return _OPEN[device]()
    except UnavailableError as reason:
        if asked == "auto":
            print(f"kernels: {reason}; the slow torch reference is used", flush=True)
            return None
        raise InputError(f"{VARIABLE} is {asked}, but {reason}") from None


def compute_device() -> torch.device:
    """Where training and rendering run: a GPU where torch sees one, unless the environment asks for `cpu`."""
    asked = wanted()
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")


@contextlib.contextmanager
def on_compute_device() -> Iterator[torch.device]:
    """Tensors that are made meanwhile are made on `compute_device`."""
    device = compute_device()
    # Where they are made there anyway, the switch would only cost its time at each call.
    with contextlib.nullcontext() if device.type == "cpu" else device:
        yield device


def used() -> str:
    """The form of the ops that runs on `compute_device`: "reference", "cpu" or "cuda"."""
    device = compute_device()
    return "reference" if library(device) is None else device.type


def told() -> str:
    """What is in use and why, in one line."""
    asked, device = wanted(), compute_device()
    try:
        used = library(device)
    except InputError as error:
        return str(error)
    if used is None:
        return f"reference ({VARIABLE}={asked})" if asked == "reference" else "reference: the kernels were not built"
    return f"{device.type} kernels, {used.path.name} ({VARIABLE}={asked})"


@contextlib.contextmanager
def forced(name: str) -> Iterator[None]:
    """Use a backend whatever the environment says (tests and benches)."""
    _forced.append(name)
    try:
        yield
    finally:
        _forced.pop()
