"""How fast a run is: clips a second, a share of the machine's ceiling, and the minutes to come."""

import platform
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import torch

from kinema.blocks.precision import product_rate
from kinema.training.checkpoint import Position
from kinema.training.processes import Processes
from kinema.training.waiting import telling


@lru_cache
def matrix_ceiling(
    device: str = "cpu", dtype: torch.dtype = torch.bfloat16, seconds: float = 0.3
) -> float:
    """Measured matrix-product rate in FLOP/s: the best of square products of several sizes.

    MFU (model FLOPs utilization, PaLM 2022, appendix B) is the model's own FLOP/s over this.
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


TIMED_STEPS, TIMED_SECONDS = 3, 2.0  # an estimate rests on at least so many of each


class Counted(Protocol):
    """A task whose cost is counted."""

    def flops(self, batch_size: int) -> float:
        """Floating-point operations of one training step (0 where nobody counted)."""


class Meter:
    """The speed of a run since the last reading, and the FLOP/s that its processes can reach."""

    def __init__(self, task: Counted, batch_size: int, position: Position, ceiling: float):
        self.flops_per_clip = task.flops(batch_size) / batch_size
        self.ceiling = ceiling
        self.restart(position)

    def restart(self, position: Position) -> None:
        """Measure from here on."""
        self.samples, self.time = position.samples, time.perf_counter()

    def read(self, position: Position) -> tuple[float, float]:
        """Clips a second and the MFU since the last reading; the next begins here.

        MFU (model FLOPs utilization) is the model's own FLOP/s over the measured ceiling of the
        precision that the run takes. It is 0 where nobody counted the model's.
        """
        rate = (position.samples - self.samples) / (time.perf_counter() - self.time)
        self.restart(position)
        return rate, rate * self.flops_per_clip / self.ceiling


class Estimate:
    """The time that a run will take, told once, as soon as a few of its steps have been timed.

    The first step is not timed: it prepares kernels.
    """

    def __init__(self, num_samples: int):
        self.num_samples, self.first, self.began, self.told = num_samples, -1, 0.0, False

    def restart(self) -> None:
        """Time other steps: what came between was no step."""
        self.first = -1

    @property
    def has_begun(self) -> bool:
        """Whether steps are being timed."""
        return self.first >= 0

    def after_step(self, position: Position) -> str:
        """The sentence, when it is time for it; "" before and after."""
        if not self.has_begun:
            self.first, self.began = position.step, time.perf_counter()
            self.samples = position.samples
        steps, seconds = position.step - self.first, time.perf_counter() - self.began
        if self.told or steps < TIMED_STEPS or seconds < TIMED_SECONDS:
            return ""
        self.told = True
        rate = (position.samples - self.samples) / seconds
        left = self.num_samples - position.samples
        return f"{left:,} clips are left: about {duration(left / rate)} on this machine."


def duration(seconds: float) -> str:
    """Seconds as people say them, "40 minutes"."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.{0 if seconds > 10 * length else 1}f} {unit}"
    return f"{seconds:.0f} seconds"


def cost(task: Counted, num_samples: int, batch_size: int) -> str:
    """What a run costs on any machine, in clips and FLOPs."""
    flops = task.flops(batch_size) / batch_size * num_samples
    return f"{num_samples:,} clips" + (f", {flops:.1e} FLOPs" if flops else "")


def ceiling_of(processes: Processes, device: str, dtype: torch.dtype) -> float:
    """FLOP/s of matrix products that the processes of a run can reach together."""
    with telling("Measuring how fast this machine multiplies matrices."):
        return processes.size * matrix_ceiling(device, dtype)
