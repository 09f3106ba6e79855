"""Run a function in a process of its own, and say what became of it and what it cost.

A child is a fork of this process, in which everything is imported already: it starts in
milliseconds, and a crash, a leak or a hang in it harms nothing else.
"""

import contextlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MAX_CPU_SECONDS = 25
MAX_WALL_SECONDS = 240


@dataclass
class Outcome:
    """What a child did.

    Attributes:
        status: its exit status; negative for a signal, CRASHED for an exception.
        output: what it printed, both streams.
        cpu_seconds: of processor time.
        peak_mb: of resident memory, that of the parent included.
    """

    status: int
    output: str
    cpu_seconds: float
    peak_mb: float


CRASHED = 99


def run_child(
    function: Callable[[], int | None],
    folder: Path,
    max_cpu_seconds: int = MAX_CPU_SECONDS,
    max_wall_seconds: int = MAX_WALL_SECONDS,
) -> Outcome:
    """Run a function in `folder`; what it returns is the exit status."""
    log = folder.with_suffix(".log")
    child = os.fork()
    if child == 0:
        become(function, folder, log, max_cpu_seconds, max_wall_seconds)
    _, status, usage = os.wait4(child, 0)
    output = log.read_text("utf-8", "replace") if log.exists() else ""
    log.unlink(missing_ok=True)
    cpu = usage.ru_utime + usage.ru_stime
    return Outcome(os.waitstatus_to_exitcode(status), output, cpu, usage.ru_maxrss / 1024)


def become(
    function: Callable[[], int | None],
    folder: Path,
    log: Path,
    max_cpu_seconds: int,
    max_wall_seconds: int,
) -> None:
    """The child: prints to the log, and never comes back."""
    status = CRASHED
    try:
        os.chdir(folder)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (max_cpu_seconds, max_cpu_seconds + 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(max_wall_seconds)  # which ends it
        status = function() or 0
    except SystemExit as end:  # of `--help`
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
