"""Files on their way to reports: decoded here window by window, measured by worker processes."""

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import cv2

from kinema import clips
from kinema.checks.clip_report import ClipReport
from kinema.checks.windows import (
    Overview,
    Window,
    WindowResult,
    assemble,
    measure_window,
    windows,
    without_surplus,
)
from kinema.errors import UserError, printable
from kinema.motion import FlowMethod

WAITING = 2  # windows decoded ahead for each worker: what bounds the memory


@dataclass
class Reading:
    """A file on its way through the workers; `error` is set if reading broke off."""

    file: Path
    overview: Overview = field(default_factory=Overview)
    results: list[WindowResult] = field(default_factory=list)
    fps: float = 25.0
    text: str = ""
    notes: list[str] = field(default_factory=list)
    error: str | None = None


def each_report(
    files: list[Path], jobs: int, pictures: bool, flow_method: FlowMethod | None = None
) -> Iterator[ClipReport]:
    """Yield one report a file, in order; `jobs` processes measure the windows decoded here."""
    waiting: deque[tuple[Reading, Future | WindowResult | None]] = deque()
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(worker_pool(jobs)) if jobs > 1 else None
        for reading, window in read_windows(files):
            if window is not None and flow_method is not None:
                evidence = replace(window.evidence, flow_method=flow_method)
                window = replace(window, evidence=evidence)
            if window is None:
                waiting.append((reading, None))
            elif pool is None:
                waiting.append((reading, measure_window(window, pictures)))
            else:
                waiting.append((reading, pool.submit(measure_window, window, pictures)))
            while len(waiting) > WAITING * jobs:
                yield from take_result(*waiting.popleft(), pictures)
        while waiting:
            yield from take_result(*waiting.popleft(), pictures)


def worker_pool(jobs: int) -> ProcessPoolExecutor:
    """Spawn processes that measure; a forked one would inherit the locks of torch's threads."""
    context = get_context("spawn")
    return ProcessPoolExecutor(
        jobs, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)
    )


def take_result(
    reading: Reading, step: Future | WindowResult | None, pictures: bool
) -> Iterator[ClipReport]:
    """Take one window's result; when the file has ended, make its report."""
    if step is not None:
        result = step.result() if isinstance(step, Future) else step
        reading.results.append(without_surplus(result, reading.results))
        return
    name, error = printable(str(reading.file)), reading.error and printable(reading.error)
    if not reading.results:
        yield ClipReport(name, error=error or f"{name} holds no frames.")
        return
    report = assemble(name, reading.results, reading.overview, reading.fps, pictures)
    report.text, report.notes, report.error = reading.text, reading.notes, error
    yield report


def read_windows(files: list[Path]) -> Iterator[tuple[Reading, Window | None]]:
    """Yield the windows of all files in turn; None marks the end of a file."""
    for file in files:
        reading = Reading(file)
        try:
            if file.is_dir():
                os.listdir(file)
            info = clips.inspect(file)
            reading.fps, reading.text, reading.notes = info.fps, info.text, [*info.remarks]
            for window in windows(clips.stream(file), info.fps, reading.overview):
                yield reading, window
        except UserError as error:
            reading.error = str(error) if str(file) in str(error) else f"{file}: {error}"
        except OSError as error:
            reading.error = f"Cannot read {file}: {error.strerror or error}."
        yield reading, None
