"""What this machine is, and what it can do at most: the ceiling a training speed is a share of."""

import platform
import re
import time
from functools import lru_cache
from pathlib import Path

import torch


@lru_cache
def matrix_ceiling(
    device: str = "cpu",
    dtype: torch.dtype = torch.bfloat16,
    size: int = 2048,
    seconds: float = 0.5,
) -> float:
    """Measured matrix-product rate in FLOP/s: the best of repeated square products.

    MFU (model FLOPs utilisation, PaLM 2022, appendix B) is the model's own FLOP/s over this.

    Args:
        device: "cpu" or a CUDA device.
        dtype: of the matrices.
        size: side of the square matrices; 2048 leaves every cache of a small machine.
        seconds: how long to measure.
    """
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(a, b).sum().item()  # .item() waits for a GPU
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def this_machine() -> str:
    """Its processor and the threads that torch takes, such as "AMD EPYC 9B14, 1 thread"."""
    listed = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", listed.read_text()) if listed.exists() else None
    processor = named[1].strip() if named else platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    return f"{processor}, {threads} thread{'s' if threads > 1 else ''}"
