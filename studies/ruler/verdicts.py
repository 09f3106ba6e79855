"""`python -m studies.ruler.verdicts CLIPS`: what does a user read of clips that were spoiled?

Every clip is spoiled in every way of `trials`, and changed in every harmless way, each time as a
file of its own. `kinema check --against` judges the file beside its clip. What counts is the
verdict and the failures that it names, not the scores behind them.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kinema import clips
from kinema.checks.check import judged
from kinema.checks.files import video_files
from kinema.checks.reading import each_report, worker_pool
from kinema.errors import UserError
from kinema.fields import Count, Name, Seed, check_fields
from kinema.reports import Report, Rows, Table, command_line
from kinema.reports.words import share
from studies.command import run_study
from studies.records import RecordStore
from studies.ruler.files import write_video
from studies.ruler.soft_faults import in_the_dark
from studies.ruler.trials import GROUPS, TRIALS, Trial

NUM_FRAMES = 24
CLEAN = "clean"  # the clip itself, without any change
NOTE = """
Every row: clips that were changed so, what `kinema check --against` says of them beside the clip
that they were made of, and what `kinema check` says of them alone; shares in % with 95 % Wilson
intervals. *Right name*: a failure that the fault is known by stands among the reasons. *Alone*: the
clip by itself shows such a failure. Weak faults have the weaker of two strengths.
""".strip()


@dataclass
class Verdicts:
    """Spoil clips in every known way, and count what a user reads of them."""

    files: tuple[str, ...] = ()  # clean clips, or folders of them
    size: Count = 192  # the shorter side of the clips, pixels; larger ones are shrunk
    seed: Seed = 0  # of the faults
    jobs: Count = 2  # worker processes
    folder: Name = "runs/verdicts"  # of the records; what is measured there is not measured again
    report: Name | None = None  # a Markdown file to write, with .json beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")


@dataclass
class Record:
    """What was said of one changed clip, in the words of the command."""

    verdict: str  # "" of the clip itself
    reasons: list[str]  # the failures that decided
    failures: list[str]  # those that the changed clip shows alone


Found = dict[str, Record]  # trial -> what was said


def run(study: Verdicts) -> Report:
    """Judge every changed clip, and report how often the verdict is right."""
    if not study.files:
        raise UserError("This study needs clips: name video files or a folder of them.")
    paths = video_files(study.files)
    store = RecordStore[Record]([Path(study.folder)], "the verdicts", Record, ("trial",))
    store.keep_settings({"size": study.size, "seed": study.seed})
    waiting = [path for path in paths if not store.read(name_of(path))]
    with worker_pool(study.jobs) as pool:
        jobs = {pool.submit(examine, path, study.size, study.seed): path for path in waiting}
        for number, job in enumerate(as_completed(jobs), 1):
            found = {(trial,): record for trial, record in job.result().items()}
            store.add(name_of(jobs[job]), found)
            print(f"{number} of {len(waiting)}: {jobs[job]}", flush=True)
    clips_ = [
        {trial: record for (trial,), record in store.read(name_of(path)).items()} for path in paths
    ]
    return report_of(study, clips_)


def name_of(path: Path) -> str:
    """Name a clip by its folder and its file: files of different folders may share a name."""
    return f"{path.parent.name} {path.stem}"


def examine(path: Path, size: int, seed: int) -> Found:
    """Change one clip in every way, and judge each file as the command does."""
    info = clips.inspect(path)
    scale = min(1.0, size / min(info.height, info.width))
    shape = round(info.height * scale) // 2 * 2, round(info.width * scale) // 2 * 2
    frames = np.stack(list(islice(clips.stream(path, size=shape), NUM_FRAMES)))
    with TemporaryDirectory() as folder:
        return dict(trials_of(frames, info.fps, Path(folder), seed))


def trials_of(
    frames: np.ndarray, fps: float, folder: Path, seed: int
) -> Iterator[tuple[str, Record]]:
    """Yield what is said of the clip, and of each of its changes."""
    references = {}
    for dark, shown in ((False, frames), (True, in_the_dark(frames))):
        path = folder / f"reference-{int(dark)}.mp4"
        write_video(shown, path, fps, crf="14")
        references[dark] = path, next(each_report([path], 1, False))
    clean = references[False][1]
    yield CLEAN, Record("", [], [failure.name for failure in clean.failures])
    for number, (name, trial) in enumerate(TRIALS.items()):
        path, reference = references[trial.dark]
        place = folder / str(number)
        place.mkdir()
        shown = in_the_dark(frames) if trial.dark else frames
        generator = np.random.default_rng((seed, number))
        changed = trial.write(shown, fps, path, place, generator)
        report = next(each_report([changed], 1, False))
        checked = judged(report, reference, None)
        pair = checked.pair.comparison if checked.pair is not None else None
        yield (
            name,
            Record(
                pair.verdict if pair is not None else "error",
                pair.reasons if pair is not None else [],
                [failure.name for failure in report.failures],
            ),
        )


def report_of(study: Verdicts, clips_: list[Found]) -> Report:
    """Return the report: a table of groups, one of faults, and one of harmless changes."""
    options = {"size": study.size, "seed": study.seed}
    clean = Counter(name for found in clips_ for name in set(found[CLEAN].failures))
    failing = sum(bool(found[CLEAN].failures) for found in clips_)
    alarms = (
        f"{failing} of {len(clips_)} clips fail by themselves before anything is done to them, "
        f"{share(failing, len(clips_))} %: "
        + (", ".join(f"{name} {count}" for name, count in clean.most_common()) or "none")
        + ". Some of them do have the fault: frames that repeat, grain, a cut."
    )
    parts: list[Table | str] = [
        Table("By group", rows_of(clips_, {group: in_group(group) for group in GROUPS})),
        Table("By change", rows_of(clips_, {name: [name] for name in TRIALS})),
        alarms,
    ]
    return Report(
        "What a user reads of spoiled clips",
        command_line("python -m studies.ruler.verdicts CLIPS", options),
        NOTE,
        parts,
        {"clips": [{name: vars(one) for name, one in found.items()} for found in clips_]},
    )


def in_group(group: str) -> list[str]:
    """List the trials of a group."""
    return [name for name, trial in TRIALS.items() if trial.group == group]


def rows_of(clips_: list[Found], groups: dict[str, list[str]]) -> Rows:
    """Make a row a group of trials."""
    rows = [["", "n", "worse", "better", "cannot tell", "same", "right name", "alone"]]
    for group, names in groups.items():
        pairs = [(TRIALS[name], found[name]) for found in clips_ for name in names if name in found]
        verdicts = Counter(record.verdict for _, record in pairs)
        cells = [
            share(verdicts[verdict], len(pairs))
            for verdict in ("worse", "better", "cannot tell", "same")
        ]
        right = [hits(trial, record.reasons) for trial, record in pairs if trial.names]
        alone = [hits(trial, record.failures) for trial, record in pairs if trial.names]
        cells += [share(sum(right), len(right)), share(sum(alone), len(alone))]
        rows.append([group, str(len(pairs)), *cells])
    return rows


def hits(trial: Trial, names: list[str]) -> bool:
    """Tell whether a name is among those that a fault is known by."""
    return bool(set(trial.names) & set(names))


if __name__ == "__main__":
    run_study("ruler.verdicts", run)
