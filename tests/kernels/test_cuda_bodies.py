"""The GPU's body of the part mixture, run on the host as a block of one thread, against the reference."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

import partnerface.kernels
from partnerface.kernels.reference.part_mixture import part_mixture
from tests.kernels.kinks import smooth_mixture

CSRC = Path(partnerface.kernels.__file__).with_name("csrc")
COMPILER = shutil.which("g++") or shutil.which("clang++")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
#: Two TF32 make a float32 to 2^-21 of itself.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    library = tmp_path_factory.mktemp("bodies") / "bodies.so"
    source = Path(__file__).with_name("host_bodies.cpp")
    command = [COMPILER, "-std=c++17", "-O2", "-shared", "-fPIC", f"-I{CSRC}", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    symbols = ctypes.CDLL(str(library))
    symbols.backward.restype = ctypes.c_int64
    return symbols


def pointer(tensor):
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())


def pointers(tensors):
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


#: Widths, parts, bound, whether they are weighed, kinds of amounts.
CASES = {
    "mixture": ([39, 32, 32, 3], 8, -1.0, True, 0),
    "mixture with a bound": ([39, 32, 32, 3], 8, 0.2, True, 0),
    "mixture with amounts": ([27, 24, 24, 75], 8, -1.0, True, 25),
    "mixture with amounts and a bound": ([27, 24, 24, 15], 8, 0.2, True, 5),
    "density": ([24, 64, 16], 1, -1.0, False, 0),
    "colour": ([18, 64, 64, 3], 1, -1.0, False, 0),
    "odd widths": ([5, 110, 2], 3, -1.0, True, 0),
    "one layer": ([3, 4], 2, -1.0, True, 0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 65, 200])
def test_body_equals_the_reference(bodies, case, count):
    widths, parts, bound, weighed, kinds = CASES[case]
    torch.manual_seed(count)
    x, soft, layers = smooth_mixture(count, parts, tuple(widths))
    weights = soft if weighed else None
    amounts = torch.randn(3, kinds) if kinds else None
    slot = torch.randint(3, (count,), dtype=torch.int32) if kinds else None
    expected = part_mixture(x, weights, layers, bound, amounts, slot)
    grad = torch.randn_like(expected)
    parameters = [tensor for pair in layers for tensor in pair]
    inputs = [x, *([weights] if weighed else []), *parameters]
    gradients = torch.autograd.grad(expected, inputs, grad)

    turned = x.detach().t().contiguous(), None if weights is None else weights.detach().t().contiguous()
    added = pointer(amounts), pointer(slot), ctypes.c_int64(kinds)
    sizes = *added, ctypes.c_int64(count), ctypes.c_int64(parts), ctypes.c_int64(len(layers))
    shape = (ctypes.c_int32 * len(widths))(*widths)
    out = torch.full((widths[-1] // max(kinds, 1), count), torch.nan)
    flat = [tensor.detach().contiguous() for tensor in parameters]
    bodies.forward(*map(pointer, turned), *sizes, shape, pointers(flat), ctypes.c_float(bound), pointer(out))
    found = [torch.full_like(tensor, torch.nan) for tensor in flat]
    of_x, of_weights = (None if tensor is None else torch.full_like(tensor, torch.nan) for tensor in turned)
    turned_grad = grad.t().contiguous()
    bodies.backward(
        pointer(turned_grad), *map(pointer, turned), *sizes, shape, pointers(flat), ctypes.c_float(bound),
        pointer(of_x), pointer(of_weights), pointers(found),
    )  # fmt: skip
    assert of_x is not None
    close(out.t(), expected.detach())
    for mine, theirs in zip(
        [of_x.t(), *([] if of_weights is None else [of_weights.t()]), *found], gradients, strict=True
    ):
        close(mine, theirs)


def close(mine, theirs):
    largest = theirs.abs().max().item() if theirs.numel() else 1.0
    torch.testing.assert_close(mine, theirs, rtol=0, atol=TOLERANCE * max(largest, 1e-6))
