"""How the benchmarks measure: the clock, the ceiling, the precision, and what a page says of a run.

A processor with AVX2 only is emulated on a later one by ONEDNN_MAX_CPU_ISA=AVX2
ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 in the environment.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch

from kinema.blocks.precision import PRECISIONS, dtype_of, fastest_dtype
from kinema.training.meter import this_machine

RESULTS = Path(__file__).parent.parent / "docs" / "results"


def ceiling(dtype: torch.dtype, size: int = 1024) -> float:
    """FLOP/s of one large matrix product, the most that this machine gives."""
    matrix = torch.randn(size, size).to(dtype)
    return 2 * size**3 / min(timed(lambda: matrix @ matrix) for _ in range(3))


def timed(call: Callable[[], object]) -> float:
    """Seconds. One thread is timed by its own clock, which a busy machine hardly disturbs."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    call()
    return clock() - start


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every benchmark of networks."""
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())


def apply_options(options: argparse.Namespace) -> torch.dtype:
    """Settle threads and precision; the type that matrices are multiplied in."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    dtype = dtype_of(options.precision)
    options.precision = "bf16" if dtype == torch.bfloat16 else "fp32"
    return dtype


def page_of(name: str, precision: str) -> Path:
    """The page of a benchmark: one of bf16, and one of fp32."""
    return RESULTS / (f"{name}.md" if precision == "bf16" else f"{name}_{precision}.md")


def conditions_of_run(precision: str) -> str:
    """The machine, its instructions, the precision, and how busy it was."""
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    busy = ": the machine was busy, a quiet one gives other figures" if load > 0.5 * cores else ""
    return (
        f"{this_machine()}; {precision} ({fastest_dtype()[1]}); load average {load:.1f} on "
        f"{cores} cores{busy}."
    )
