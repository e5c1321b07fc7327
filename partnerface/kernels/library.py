"""The compiled libraries: found, opened, and called through one checked door.

A library is plain C (`csrc/*_cpu.cpp`, `csrc/*_cuda.cu`): pointers, numbers, a status. Whatever a pointer must be
(dtype, device, contiguous) is checked here, and here only.
"""

import ctypes
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from partnerface.errors import InputError

FOLDER = Path(__file__).with_name("lib")
#: The environment's wish for one of INSTRUCTION_SETS.
ISA = "PARTNERFACE_ISA"
#: Instruction sets of the CPU libraries, the best first.
INSTRUCTION_SETS = ("amx", "v4", "v3", "base")
ABI = 3
_STATUS = {1: "this size is not supported", 2: "not enough memory"}
_CUDA_FIRST = 1000
#: Letters of a signature for tensors; a capital letter stands for a list of them.
_DTYPES = {
    "f": torch.float32,
    "h": torch.float16,
    "b": torch.bool,
    "s": torch.int16,
    "i": torch.int32,
    "l": torch.int64,
}
Value = Tensor | Sequence[Tensor] | Sequence[int] | int | float | None


class UnavailableError(Exception):
    """Why there is no library for a device, in one line."""


@dataclass(frozen=True, eq=False)
class Library:
    """An open library: its file, the device that it computes on ("cpu" or "cuda"), what it was compiled for."""

    path: Path
    device: str
    isa: str
    symbols: ctypes.CDLL

    def call(self, name: str, signature: str, *values: Value) -> None:
        """Call the kernel pf_<name>; the number of threads and the stream are added.

        Args:
            signature: a letter for each value. `f h b s i l`: a tensor of float32, float16, bool, int16, int32, int64,
                or None; a capital letter: a list of such. `n`: an integer. `x`: a float. `N`: integers, read on the
                host as int32.

        Raises:
            TypeError, ValueError: a tensor has another dtype, device or layout than the kernel reads.
            RuntimeError: the kernel failed.
        """
        # The tensors live in `values` until the call is over: a temporary's memory must not be given away before.
        passed = [self._passed(name, at, *pair) for at, pair in enumerate(zip(signature, values, strict=True))]
        status = _function(self.symbols, name, signature)(*passed, torch.get_num_threads(), self._stream(values))
        if status >= _CUDA_FIRST:
            raise RuntimeError(f"kernel {name}: CUDA error {status - _CUDA_FIRST}")
        if status:
            raise RuntimeError(f"kernel {name}: {_STATUS.get(status, status)}")

    def number(self, name: str, signature: str, *values: Value) -> int:
        """What pf_<name> returns: a size that the caller has to make room for. Signature: as of `call`, no tensors."""
        function = getattr(self.symbols, f"pf_{name}")
        function.argtypes, function.restype = _types(signature), ctypes.c_int64
        return function(*(self._passed(name, at, *pair) for at, pair in enumerate(zip(signature, values, strict=True))))

    def ceiling(self, name: str, threads: int, seconds: float = 0.5) -> float:
        """This machine's limit, measured: operations a second of "fma", bytes a second of "copy"."""
        function, rate = getattr(self.symbols, f"pf_{name}_ceiling"), ctypes.c_double()
        function.argtypes = [ctypes.c_double, ctypes.c_int, ctypes.c_void_p]
        if function(seconds, threads, ctypes.byref(rate)):
            raise RuntimeError(f"the ceiling of {name} could not be measured")
        return rate.value

    def _passed(self, name: str, at: int, kind: str, value: Any) -> Any:
        if kind in "nx":
            return value
        if kind == "N":
            return (ctypes.c_int32 * len(value))(*value)
        if kind.isupper():
            pointers = [self._pointer(name, at, kind.lower(), one) for one in value]
            return (ctypes.c_void_p * len(pointers))(*pointers)
        return None if value is None else self._pointer(name, at, kind, value)

    def _pointer(self, name: str, at: int, kind: str, tensor: Tensor) -> int:
        if tensor.dtype != _DTYPES[kind]:
            raise TypeError(f"kernel {name}: argument {at} must be {_DTYPES[kind]}, not {tensor.dtype}")
        if tensor.device.type != self.device:
            raise ValueError(f"kernel {name}: argument {at} must be on {self.device}, not {tensor.device}")
        if not tensor.is_contiguous():
            raise ValueError(f"kernel {name}: argument {at} must be contiguous")
        return tensor.data_ptr()

    def _stream(self, values: Sequence[Value]) -> int | None:
        if self.device == "cpu":
            return None
        device = next(value.device for value in values if isinstance(value, Tensor))
        return torch.cuda.current_stream(device).cuda_stream


@functools.cache
def _function(symbols: ctypes.CDLL, name: str, signature: str) -> Any:
    function = getattr(symbols, f"pf_{name}")
    function.argtypes = [*_types(signature), ctypes.c_int64, ctypes.c_void_p]
    function.restype = ctypes.c_int
    return function


def _types(signature: str) -> list[type]:
    numbers = {"n": ctypes.c_int64, "x": ctypes.c_float}
    return [numbers.get(kind, ctypes.c_void_p) for kind in signature]


def _open(path: Path, device: str) -> Library:
    if not path.exists():
        raise UnavailableError(f"{path.name} was not built")
    try:
        symbols = ctypes.CDLL(str(path))
    except OSError as error:
        raise UnavailableError(f"{path.name} can't be loaded ({error})") from None
    symbols.pf_isa.restype = ctypes.c_char_p
    if symbols.pf_abi() != ABI:
        raise UnavailableError(f"{path.name} is of another version; install the package again")
    if not symbols.pf_runs_here():
        raise UnavailableError(f"{path.name} wants instructions that this processor lacks")
    return Library(path, device, symbols.pf_isa().decode(), symbols)


def cpu_library() -> Library:
    """The library for the best instruction set that this processor has, or for the one that the environment asks for.

    Raises:
        InputError: the environment asks for something else than INSTRUCTION_SETS.
        UnavailableError: none was built, or the one asked for does not run here.
    """
    return _cpu_library(os.environ.get(ISA) or "")


@functools.cache
def _cpu_library(asked: str) -> Library:
    if asked and asked not in INSTRUCTION_SETS:
        raise InputError(f"{ISA} is {asked!r}; allowed: {', '.join(INSTRUCTION_SETS)}")
    reasons = []
    for isa in (asked,) if asked else INSTRUCTION_SETS:
        try:
            return _open(FOLDER / f"libpartnerface_cpu_{isa}.so", "cpu")
        except UnavailableError as reason:
            reasons.append(str(reason))
    raise UnavailableError(reasons[-1])


@functools.cache
def cuda_library() -> Library:
    """The library for CUDA.

    Raises:
        UnavailableError: it was not built, or there is no GPU.
    """
    if not torch.cuda.is_available():
        raise UnavailableError("torch sees no GPU")
    return _open(FOLDER / "libpartnerface_cuda.so", "cuda")
