"""What holds for every test: no launcher's environment leaks in, and GPU tests skip where there is none."""

import os
import sys

import pytest


def pytest_configure():
    """Tests are told nothing by a run that they may have been started from."""
    for name in list(os.environ):
        if name.startswith(("SNAKEMAKE", "PARTNERFACE")):
            del os.environ[name]


def pytest_runtest_setup(item: pytest.Item):
    """Skip what is marked `gpu` on a machine without one."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("wants a CUDA device")


@pytest.fixture(autouse=True)
def _subnormal_numbers():
    """Subnormal numbers count again after a test that trained: scipy's KD tree never ends without them."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
