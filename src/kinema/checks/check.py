"""`kinema check`: what is wrong with these videos, where, how sure, and is this model better?"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kinema import clips
from kinema.checks.clip_report import ClipReport
from kinema.checks.encoders import Backends
from kinema.checks.files import counterparts, video_files
from kinema.checks.gates import Gate, read_gate
from kinema.checks.journal import Journal
from kinema.checks.outputs import Outputs, write_outputs
from kinema.checks.reading import each_report
from kinema.checks.report import Checked, CheckReport, Pair
from kinema.checks.sets import set_table
from kinema.checks.terminal import print_ending, telling
from kinema.checks.vbench import vbench_of_set
from kinema.checks.windows import (
    Overview,
    WindowResult,
    assemble,
    measure_window,
    windows,
    without_surplus,
)
from kinema.errors import UserError, printable
from kinema.metrics.comparison import compare, compare_sets, show_the_same


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
    progress: Callable[[Checked], None] | None = None,
    backends: Backends | None = None,
    journal: Journal | None = None,
) -> CheckReport:
    """Check files and folders of videos, and compare them with their counterparts.

    A file that cannot be read is reported as such, and the others are checked. References that no
    file stands against are named, not measured.

    Args:
        files: video files, or folders whose videos are taken.
        against: a folder (or one file) of references, paired by name, else by prompt.
        gate: a YAML file, or what `read_gate` made of one.
        jobs: processes. With more than one, a script needs `if __name__ == "__main__":`.
        pictures: keep JPEGs for the HTML report.
        progress: called with what is known of each file as soon as it is known.
        backends: the flow method, and encoders that score the files (not the references).
        journal: takes a line a file as soon as it is known, and says which files an earlier run
            has done; the reports then have no curves.

    Raises:
        UserError: if there is nothing to check, or the gate file or a backend is wrong.
    """
    backends = backends or Backends()
    backends.check()
    paths = video_files(files)
    rules = read_gate(gate) if isinstance(gate, (str, Path)) else gate
    references = video_files([against]) if against is not None else []
    pairs = counterparts(paths, references)
    done = journal.resume(paths, pairs) if journal is not None else {}
    if done and pictures:
        raise UserError(
            "--html needs pictures of all clips, and --json-lines names a file of an earlier run, "
            "which holds none: leave --html out, or name a new file."
        )
    measured = each_measured(
        [path for path in paths if path not in done], pairs, jobs, pictures, backends
    )
    result = CheckReport([])
    for path in paths:
        one = done.get(path)
        if one is None:
            one = judged(*next(measured), rules)
            if one.clip.verdict != "error" and not one.clip.error:
                measure_again(path, pairs.get(path), one, backends)
            if journal is not None:
                journal.add(path, pairs.get(path), one)
                one.clip = one.clip.without_curves()
        result.add(one)
        if progress is not None:
            progress(one)
    if against is not None:
        result.unpaired = unpaired(result, references, pairs)
    result.trends = compare_sets([pair.comparison for pair in result.pairs])
    result.rows = set_table(result.clips) if len(paths) > 1 else []
    if backends.vbench is not None:
        result.vbench = vbench_of_set(result.clips, backends.vbench)
    result.gates += rules.apply_to_all(len(result.pairs)) if rules is not None else []
    return result


def run(
    files: list[str],
    *,
    against: str | None = None,
    floor: str | None = None,
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
    outputs, backends = outputs or Outputs(), backends or Backends()
    rules = read_gate(gate) if gate is not None else None
    with contextlib.ExitStack() as stack:
        stack.enter_context(outputs.held())
        journal = None
        if outputs.json_lines is not None:
            journal = Journal(outputs.json_lines, against, rules, backends)
            stack.callback(journal.close)
        with telling(len(video_files(files)), outputs.silent) as progress:
            report = check_files(
                files,
                against=against,
                gate=rules,
                jobs=jobs,
                pictures=outputs.html is not None,
                progress=progress,
                backends=backends,
                journal=journal,
            )
        if floor is not None:
            real = check_files([floor], jobs=jobs, backends=backends.of_frames_alone())
            report.rows = set_table(report.clips, real.clips)
        if not outputs.silent:
            print_ending(report)
        write_outputs(report, outputs)
    return report.status


Measured = tuple[ClipReport, ClipReport | None]


def each_measured(
    files: list[Path], pairs: dict[Path, Path], jobs: int, pictures: bool, backends: Backends
) -> Iterator[Measured]:
    """Yield the report of each file and that of its reference, which is measured after it.

    A report is kept only until its last use: a reference may stand against several files.
    """
    wanted = [[file, pairs[file]] if file in pairs else [file] for file in files]
    uses = Counter(path for paths in wanted for path in paths)
    order = list(uses)
    reports = zip(order, each_report(order, jobs, pictures, backends.flow_method), strict=True)
    known: dict[Path, ClipReport] = {}
    for paths in wanted:
        while any(path not in known for path in paths):
            path, report = next(reports)
            known[path] = report
        file, other = paths[0], known[paths[-1]] if len(paths) > 1 else None
        clip = known[file]
        if clip.scores and not clip.error:
            clip.scores |= backends.score(file, clip.num_frames, clip.text)
        yield clip, other
        for path in paths:
            uses[path] -= 1
            if not uses[path]:
                del known[path]


def judged(clip: ClipReport, other: ClipReport | None, rules: Gate | None) -> Checked:
    """Compare a clip with its reference, and ask the gates."""
    pair = None
    if other is not None and other.verdict == "error":
        clip.notes = [*clip.notes, f"Its reference cannot be read: {other.error}"]
    elif other is not None and clip.verdict != "error":
        assert clip.fingerprint is not None and other.fingerprint is not None
        alike = show_the_same(clip.fingerprint, other.fingerprint)
        failures = (clip.failures, other.failures)
        comparison = compare(clip.scores, other.scores, failures, alike)
        pair = Pair(clip.file, other.file, comparison, strip=other.strip)
    verdict = pair.comparison.verdict if pair is not None else None
    return Checked(clip, pair, rules.apply_to(clip, verdict) if rules is not None else [])


def measure_again(file: Path, reference: Path | None, one: Checked, backends: Backends) -> None:
    """Measure what takes further passes over the files, if it was asked."""
    if backends.vbench is not None:
        one.clip.vbench = backends.vbench.score(file, one.clip.fps)
    if one.pair is not None and reference is not None:
        try:
            one.pair.fidelity = backends.compare(file, reference)
        except UserError as error:  # the reference breaks off
            one.clip.notes = [*one.clip.notes, printable(f"Not compared by pixels: {error}")]


def unpaired(result: CheckReport, references: list[Path], pairs: dict[Path, Path]) -> list[str]:
    """List the files that were not compared, and the references that no file stands against."""
    compared, used = {pair.file for pair in result.pairs}, set(pairs.values())
    files = [clip.file for clip in result.clips if clip.file not in compared]
    return files + [printable(str(path)) for path in references if path not in used]


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
