"""`kinema check`: what is wrong with these videos, where, how sure, and is this model better?"""

import contextlib
import json as json_format
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kinema import clips, storage
from kinema.checks.clip_report import ClipReport
from kinema.checks.encoders import Backends
from kinema.checks.gates import Gate, read_gate, write_junit
from kinema.checks.html_page import write_html
from kinema.checks.report import CheckReport, Pair
from kinema.checks.terminal import follow_progress, print_report
from kinema.checks.windows import (
    Overview,
    Window,
    WindowResult,
    assemble,
    measure_window,
    windows,
    without_surplus,
)
from kinema.errors import UserError
from kinema.metrics.comparison import compare, compare_sets, show_the_same
from kinema.motion import FlowMethod
from kinema.storage.atomic import require_writable

VIDEO_SUFFIXES = {".mp4", ".mkv", ".webm", ".mov", ".avi", ".gif", ".webp", ".m4v", ".mpg", ".ts"}
WAITING = 2  # windows decoded ahead for each worker: what bounds the memory


def check(source: Any, fps: float = 25.0, pictures: bool = False) -> ClipReport:
    """Check one clip.

    Args:
        source: uint8 frames (f h w 3) as a numpy or torch array; a float torch tensor (c f h w)
            in [-1, 1]; or the path of a video file.
        fps: of the frames; files bring their own.
        pictures: keep JPEGs of the worst moments in the report.

    Returns:
        ClipReport: `.verdict`, `.failures`, `.scores`, `.as_json()`.

    Raises:
        UserError: if there are no frames, or they are not what is said above.
    """
    if isinstance(source, (str, Path)):
        report = next(each_report([Path(source)], 1, pictures))
        if report.verdict == "error":
            raise UserError(str(report.error))
        return report
    frames, overview = to_frames(source), Overview()
    results: list[WindowResult] = []
    for window in windows(frames, fps, overview):
        results.append(without_surplus(measure_window(window, pictures), results))
    if not results:
        raise UserError("There is nothing to check: the clip has no frame.")
    return assemble("frames", results, overview, fps, pictures)


def check_files(
    files: Iterable[str | Path],
    *,
    against: str | Path | None = None,
    gate: str | Path | Gate | None = None,
    jobs: int = 1,
    pictures: bool = False,
    progress: Callable[[ClipReport], None] | None = None,
    backends: Backends | None = None,
) -> CheckReport:
    """Check files and folders of videos, and compare them with their counterparts.

    A file that cannot be read is reported as such, and the others are checked.

    Args:
        files: video files, or folders whose videos are taken.
        against: a folder (or one file) of references, paired by name, else by prompt.
        gate: a YAML file, or what `read_gate` made of one.
        jobs: processes. With more than one, a script needs `if __name__ == "__main__":`.
        pictures: keep JPEGs for the HTML report.
        progress: called with each clip's report when it is ready.
        backends: the flow method, and encoders that score the files (not the references).

    Raises:
        UserError: if there is nothing to check, or the gate file or a backend is wrong.
    """
    backends = backends or Backends()
    backends.check()
    paths = video_files(files)
    rules = read_gate(gate) if isinstance(gate, (str, Path)) else gate
    references = video_files([against]) if against is not None else []
    own: list[ClipReport] = []
    others: list[ClipReport] = []
    reports = each_report(paths + references, jobs, pictures, backends.flow_method)
    for count, report in enumerate(reports):
        (own if count < len(paths) else others).append(report)
        if count < len(paths) and report.scores and not report.error:
            file = paths[count]
            report.scores |= backends.score(file, report.num_frames, report.text)
        if progress is not None:
            progress(report)
    result = CheckReport(own)
    if against is not None:
        compare_all(result, others)
    if rules is not None:
        verdicts = {pair.file: pair.comparison.verdict for pair in result.pairs}
        result.gates = rules.apply(own, verdicts)
    return result


@dataclass(frozen=True)
class Outputs:
    """Files to write."""

    json: str | None = None  # everything ("-" for the terminal)
    html: str | None = None  # one self-contained page with pictures and curves
    junit: str | None = None  # the gates as JUnit XML
    quiet: bool = False  # print nothing but what json "-" prints

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the places of the files for the length of a block.

        Raises:
            UserError: before the block begins, if a file cannot be written or another process is
                writing it.
        """
        with contextlib.ExitStack() as stack:
            for name in dict.fromkeys((self.json, self.html, self.junit)):
                if name is not None and name != "-":
                    require_writable(Path(name))
                    stack.enter_context(storage.locked_file(name))
            yield


def write_outputs(report: CheckReport, outputs: Outputs) -> None:
    """Write what was asked for, each file beside and then renamed."""
    text = json_format.dumps(report.as_json(), indent=1)
    if outputs.json == "-":
        print(text)
    elif outputs.json is not None:
        storage.write_bytes(outputs.json, text.encode())
    if outputs.html is not None:
        storage.write_bytes(outputs.html, write_html(report).encode())
    if outputs.junit is not None:
        storage.write_bytes(outputs.junit, write_junit(report.clips, report.gates).encode())


def run(
    files: list[str],
    *,
    against: str | None = None,
    gate: str | None = None,
    jobs: int = 2,
    outputs: Outputs | None = None,
    backends: Backends | None = None,
) -> int:
    """Check videos and folders of them, and say what is wrong with them, where, and how sure.

    Returns:
        The exit status: 0; 1 if a gate failed; 2 if nothing could be checked.
    """
    if jobs < 1:
        raise UserError(f"--jobs is {jobs}: there must be at least one process.")
    outputs = outputs or Outputs()
    silent = outputs.quiet or outputs.json == "-"
    total = len(video_files(files)) + (len(video_files([against])) if against else 0)
    with outputs.held():
        with follow_progress(total, silent) as progress:
            report = check_files(
                files,
                against=against,
                gate=gate,
                jobs=jobs,
                pictures=outputs.html is not None,
                progress=progress,
                backends=backends,
            )
        if not silent:
            print_report(report)
        write_outputs(report, outputs)
    return report.status


def video_files(sources: Iterable[str | Path]) -> list[Path]:
    """List the files named, and the videos in the folders named, sorted by name in a folder."""
    found: list[Path] = []
    for source in map(Path, sources):
        if not source.is_dir():
            found.append(source)
            continue
        try:
            inside = sorted(p for p in source.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
        except OSError:  # the same happens when it is read, and is then reported of it alone
            inside = [source]
        if not inside:
            raise UserError(f"The folder {source} holds no video: name files, or another folder.")
        found += inside
    if not found:
        raise UserError("There is nothing to check: name video files or a folder of them.")
    return found


@dataclass
class Reading:
    """A file on its way through the workers; `error` is set if reading broke off."""

    file: Path
    overview: Overview = field(default_factory=Overview)
    results: list[WindowResult] = field(default_factory=list)
    fps: float = 25.0
    text: str = ""
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
    name = str(reading.file)
    if not reading.results:
        yield ClipReport(name, error=reading.error or f"{name} holds no frames.")
        return
    report = assemble(name, reading.results, reading.overview, reading.fps, pictures)
    report.text, report.error = reading.text, reading.error
    yield report


def read_windows(files: list[Path]) -> Iterator[tuple[Reading, Window | None]]:
    """Yield the windows of all files in turn; None marks the end of a file."""
    for file in files:
        reading = Reading(file)
        try:
            if file.is_dir():
                os.listdir(file)
            info = clips.inspect(file)
            reading.fps, reading.text = info.fps, info.text
            for window in windows(clips.stream(file), info.fps, reading.overview):
                yield reading, window
        except UserError as error:
            reading.error = str(error) if str(file) in str(error) else f"{file}: {error}"
        except OSError as error:
            reading.error = f"Cannot read {file}: {error.strerror or error}."
        yield reading, None


def compare_all(result: CheckReport, references: list[ClipReport]) -> None:
    for clip in result.clips:
        other = counterpart(clip, result.clips, references)
        if other is None or clip.verdict == "error" or other.verdict == "error":
            result.unpaired.append(clip.file)
            continue
        assert clip.fingerprint is not None and other.fingerprint is not None
        alike = show_the_same(clip.fingerprint, other.fingerprint)
        failures = (clip.failures, other.failures)
        comparison = compare(clip.scores, other.scores, failures, alike)
        result.pairs.append(Pair(clip.file, other.file, comparison))
    result.trends = compare_sets([pair.comparison for pair in result.pairs])


def counterpart(
    clip: ClipReport, clips_: list[ClipReport], references: list[ClipReport]
) -> ClipReport | None:
    """Find the reference of the same name, else of the same prompt, else of the only pair."""
    stem = Path(clip.file).stem
    named = [other for other in references if Path(other.file).stem == stem]
    if named:
        return named[0]
    text = " ".join(clip.text.lower().split())
    said = [other for other in references if text and " ".join(other.text.lower().split()) == text]
    if len(said) == 1:
        return said[0]
    return references[0] if len(references) == len(clips_) == 1 else None


def to_frames(source: Any) -> np.ndarray:
    """Convert a numpy array or a torch tensor to frames (f h w 3) uint8."""
    if not isinstance(source, np.ndarray) and hasattr(source, "detach"):
        if source.is_floating_point():
            return clips.to_frames(source)
        source = source.detach().cpu().numpy()
    frames = np.asarray(source)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise UserError(
            f"`check` takes uint8 frames (f h w 3) or a float tensor (c f h w) in [-1, 1], "
            f"not {frames.dtype} {frames.shape}."
        )
    return frames
