"""Which kernels run: what the environment asks for, what was built, and what is said where something is missing."""

import shutil

import pytest
import torch

from partnerface.errors import InputError
from partnerface.kernels import backend, library
from partnerface.kernels.encoding import positional_encoding

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _anew():
    """Libraries are opened once a process; these tests want them opened again."""
    caches = (library._cpu_library, library.cuda_library, backend._library)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder in place of the libraries'."""
    built = library.FOLDER
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    return tmp_path, built


def test_a_word_that_is_no_backend(monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "gpu")
    with pytest.raises(InputError, match=r"PARTNERFACE_BACKEND is 'gpu'; allowed: auto, reference, cpu, cuda"):
        backend.library(CPU)


def test_a_word_that_is_no_instruction_set(monkeypatch):
    monkeypatch.setenv(library.ISA, "v9")
    with pytest.raises(InputError, match=r"PARTNERFACE_ISA is 'v9'; allowed: amx, v4, v3, base"):
        backend.library(CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "cuda")
    with pytest.raises(InputError, match="PARTNERFACE_BACKEND is cuda"):
        backend.library(backend.compute_device())


def test_nothing_built_is_said_once_and_the_reference_runs(folder, monkeypatch, capsys):
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    x = torch.rand(5, 3)
    first, second = positional_encoding(x, 2), positional_encoding(x, 2)
    assert torch.equal(first, second)
    said = capsys.readouterr().out.splitlines()
    assert said == ["kernels: libpartnerface_cpu_base.so was not built; the slow torch reference is used"]
    assert "not built" in backend.told()


def test_nothing_built_is_an_error_where_kernels_are_insisted_on(folder, monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "cpu")
    with pytest.raises(InputError, match=r"PARTNERFACE_BACKEND is cpu, but libpartnerface_cpu_base\.so was not built"):
        backend.library(CPU)


def test_the_best_that_is_there_is_taken(folder):
    to, built = folder
    if not (built / "libpartnerface_cpu_base.so").exists():
        pytest.skip("the kernels were not built")
    # One that can't be opened, and one that can.
    (to / "libpartnerface_cpu_v3.so").write_bytes(b"no library")
    shutil.copy(built / "libpartnerface_cpu_base.so", to)
    assert library.cpu_library().isa == "base"


def test_another_versions_library_is_not_used(folder, monkeypatch):
    to, built = folder
    if not (built / "libpartnerface_cpu_base.so").exists():
        pytest.skip("the kernels were not built")
    shutil.copy(built / "libpartnerface_cpu_base.so", to)
    monkeypatch.setattr(library, "ABI", library.ABI + 1)
    with pytest.raises(library.UnavailableError, match="install the package again"):
        library.cpu_library()


def test_the_door_checks_what_passes_it():
    try:
        kernels = library.cpu_library()
    except library.UnavailableError as reason:
        pytest.skip(str(reason))
    out = torch.empty(15, 4)
    for wrong, error in (
        (torch.rand(3, 4).double(), TypeError),
        (torch.rand(4, 3).t(), ValueError),
        (torch.rand(3, 4, device="meta"), ValueError),
    ):
        with pytest.raises(error, match="kernel encoding_forward: argument 0 must be"):
            kernels.call("encoding_forward", "fnnf", wrong, 4, 2, out)
