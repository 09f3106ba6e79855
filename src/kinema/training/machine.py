"""What this machine is, and what it can do at most: the ceiling a training speed is a share of."""

import platform
import re
from functools import lru_cache
from pathlib import Path

import torch

from kinema.blocks.precision import product_rate


@lru_cache
def matrix_ceiling(
    device: str = "cpu", dtype: torch.dtype = torch.bfloat16, seconds: float = 0.3
) -> float:
    """Measured matrix-product rate in FLOP/s: the best of square products of several sizes.

    MFU (model FLOPs utilization, PaLM 2022, appendix B) is the model's own FLOP/s over this.

    Args:
        device: "cpu" or a CUDA device.
        dtype: in which the model multiplies its matrices.
        seconds: how long to measure.
    """
    return product_rate(device, dtype, seconds)


def this_machine() -> str:
    """Name the processor, and torch's instructions and threads: "EPYC 9B14, AVX2, 1 thread"."""
    listed = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", listed.read_text()) if listed.exists() else None
    processor = named[1].strip() if named else platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    instructions = torch.backends.cpu.get_cpu_capability()
    return f"{processor}, {instructions}, {threads} thread{'s' if threads > 1 else ''}"
