"""In which numbers a machine computes fastest, measured and not assumed.

A processor without instructions for bf16 multiplies bf16 matrices ten to a hundred times slower
than fp32 ones, one with them up to ten times faster, and which of the two runs this program is not
known before. Numbers below 1e-38, which are called denormal, cost every processor a hundred times
what others cost, and a gradient can be full of them: they are taken for zero.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache

import torch

from kinema.errors import UserError

PRECISIONS = ("auto", "bf16", "fp32")
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
SMALLEST, LARGEST = 64, 8192  # sides of the square matrices that are multiplied


@lru_cache
def fastest_dtype(device: str = "cpu") -> tuple[torch.dtype, str]:
    """Choose bf16 or fp32, whichever multiplies matrices faster on a device.

    Both are measured within 0.1 s on a CPU, once a process; a GPU is asked.

    Returns:
        the type, and why: "fp32: 63 GFLOP/s here, bf16 5".
    """
    kind = torch.device(device).type
    if kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16, "bf16: this GPU has instructions for it"
    if kind != "cpu":
        return torch.float32, f"fp32: no instructions for bf16 are known of this {kind} device"
    rates = {name: product_rate(device, dtype, 0.04) / 1e9 for name, dtype in DTYPES.items()}
    first, second = sorted(rates, key=rates.__getitem__, reverse=True)
    return DTYPES[first], f"{first}: {rates[first]:.0f} GFLOP/s here, {second} {rates[second]:.0f}"


def product_rate(device: str, dtype: torch.dtype, seconds: float) -> float:
    """Measure matrix products in FLOP/s: the best of square ones that double their sides.

    A size is tried if it will be done in `seconds`, judging by the one before, so that the slowest
    processor takes no longer than the fastest.
    """
    end, size, best = time.perf_counter() + seconds, SMALLEST, 0.0
    numbers = torch.randn(size, size, device=device).to(dtype)
    timed_product(numbers)  # prepares kernels
    while True:
        matrix = numbers.repeat(size // SMALLEST, size // SMALLEST)
        took = min(timed_product(matrix) for _ in range(2))
        best = max(best, 2 * size**3 / took)
        if size == LARGEST or time.perf_counter() + 2 * 8 * took > end:
            return best
        size *= 2


def timed_product(matrix: torch.Tensor) -> float:
    """Seconds of a product of a matrix with itself."""
    start = time.perf_counter()
    torch.mm(matrix, matrix)[0, 0].item()  # .item() waits for a GPU
    return time.perf_counter() - start


def dtype_of(precision: str, device: str = "cpu") -> torch.dtype:
    """Turn "auto", "bf16" or "fp32" into the type in which a device multiplies matrices.

    Raises:
        UserError: if it is none of them.
    """
    check_precision(precision)
    return fastest_dtype(device)[0] if precision == "auto" else DTYPES[precision]


def check_precision(precision: str) -> None:
    """Raise a UserError if this is not "auto", "bf16" or "fp32"."""
    if precision not in PRECISIONS:
        names = ", ".join(PRECISIONS)
        raise UserError(f"The precision is {precision!r}, and must be one of {names}.")


@contextmanager
def computing_in(precision: str, device: str = "cpu") -> Iterator[None]:
    """Within the block, multiply matrices in a precision, and take denormal numbers for zero.

    Raises:
        UserError: if the precision is unknown.
    """
    bf16 = dtype_of(precision, device) == torch.bfloat16
    cast = torch.autocast(torch.device(device).type, torch.bfloat16) if bf16 else nullcontext()
    with flushed_denormals(), cast:
        yield


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Within the block, or the function it decorates, take numbers below 1e-38 for zero.

    This is a switch of the processor, which every thread has for itself and hands on to the threads
    that it starts. torch starts its threads at the first large tensor: they have the switch if that
    lies in such a block, and for as long as they live. So a system is loaded in one, and a run
    begins in one.
    """
    were_flushed = denormals_are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(were_flushed)


def denormals_are_zero() -> bool:
    """Whether this thread takes denormal numbers for zero."""
    return bool(torch.tensor(1e-39) * 1 == 0)
