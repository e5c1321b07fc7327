"""The forms of an op: the reference, and the kernels for each instruction set that runs here."""

import pytest

from partnerface.kernels.backend import forced
from partnerface.kernels.library import INSTRUCTION_SETS, ISA, UnavailableError, cpu_library


def kernels(monkeypatch, isa: str) -> None:
    """Have the kernels be those for an instruction set; skip the test where they don't run."""
    monkeypatch.setenv(ISA, isa)
    try:
        cpu_library()
    except UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=INSTRUCTION_SETS)
def isa(request, monkeypatch):
    """The kernels for one instruction set after another."""
    kernels(monkeypatch, request.param)
    return request.param


@pytest.fixture(params=["reference", *INSTRUCTION_SETS])
def form(request, monkeypatch):
    """One form after another."""
    if request.param != "reference":
        kernels(monkeypatch, request.param)
    with forced("reference" if request.param == "reference" else "cpu"):
        yield request.param
