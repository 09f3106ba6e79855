"""Kill kinema's commands at moments nobody chose, run them again, and compare what they leave.

    python benchmarks/kills.py --kills 1000 --report docs/results/kills.md

Each job is a command. It runs once undisturbed. Then it runs in another folder and is killed with
SIGKILL at random moments, up to nine times, and then runs to its end; and again, until its share of
the kills is used up.
Three things are counted: *lost*, the last run failed or its result is not there; *different*, its
files are not byte for byte those of the undisturbed run; *left over*, files that the undisturbed
run does not leave. Half of the kills hit the command alone, as the kernel does when memory is
short, half its whole process group, as a cluster does.

Commands run in forks of this process, which has imported kinema once: a run begins in
milliseconds, and the kill falls into the work and not into the imports.
"""

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # a fork has no other threads

import torch
from safetensors import safe_open

import kinema.recipes  # once, and not in every fork
from kinema.cli import main
from kinema.storage import write_bytes

LOOP = (
    "--loop.batch_size 2 --loop.num_samples 12 --loop.checkpoint_minutes 0 --loop.log_every 1 "
    "--loop.validate_every 6 --loop.precision fp32"
)
FEW = "--data.num_clips 4 --held_out.num_clips 2"
TINY = "--denoiser.dim 64 --denoiser.depth 1 --denoiser.num_heads 1"
JUDGE = (
    "train tabletop-judge --num-clips 4 --levels [1] --num-epochs 2 --batch-size 2 --num-unseen 2 "
    "--folder run"
)
STORY = '"0: a red ball rolls; 17: a blue cube spins"'
STRATEGIES = ("sliding", "crossfade", "splice", "rolling", "autoregressive", "keyframes", "blend")
LOGS = {"metrics.jsonl"}  # they hold times; only their being there is compared
UNCOMPARED = {"tensorboard", "cache", "log.txt"}  # event files are named after time and process
EXPORT = "save_pretrained tabletop"  # no command of kinema, but two lines of Python
BUG = 70  # exit status of a traceback
COLUMNS = ("command", "runs", "kills", "lost", "different", "left over")


@dataclass
class Job:
    """A command whose result is a folder.

    Attributes:
        name: in the table.
        command: of kinema, run in the folder.
        warm: commands that run once before, in a folder that every run begins with.
        compare: whether bytes are compared, not only the names of the files.
    """

    name: str
    command: str
    warm: tuple[str, ...] = ()
    compare: bool = True


@dataclass
class Count:
    """What became of a job's runs."""

    runs: int = 0
    kills: int = 0
    lost: int = 0
    different: int = 0
    left_over: int = 0
    notes: list[str] = field(default_factory=list)


def training_jobs() -> list[Job]:
    small = "--data.num_frames 5 --data.size 32 --held_out.num_frames 5 --held_out.size 32"
    recipes = {
        "train tabletop-codec": f"train tabletop-codec --cache cache {FEW} {small}",
        "train tabletop": f"train tabletop --cache cache {FEW} {TINY} {small}",
    }
    discs = f"train physics-uniform {TINY} --data.num_clips 6 --num_unseen 2 {LOOP} --folder run"
    clips = "world tabletop -n 12 --size 32 --frames 5 -o clips"
    own = f"{TINY} --data.num_frames 5 --data.size 32 {LOOP} --workers 0 --cache cache --folder run"
    jobs = [
        Job("train physics-uniform", discs),
        Job("train tabletop-judge", JUDGE, compare=False),  # it learns for so many minutes
        Job("train text-to-video", f"train text-to-video --data.folder clips {own}", warm=(clips,)),
    ]
    for name, command in recipes.items():
        for workers in (0, 1, 2):
            whole = f"{command} {LOOP} --folder run --workers {workers}"
            jobs.append(Job(f"{name}, {workers} workers, cold", whole))
            jobs.append(Job(f"{name}, {workers} workers, warm", whole, warm=(whole,)))
    return jobs


def other_jobs() -> list[Job]:
    long = f"generate {STORY} --num-frames 33 --num-steps 2 --seed 3 -o long.mkv"
    jobs = [Job(f"generate --long {name}", f"{long} --long {name}") for name in STRATEGIES]
    clips = "world tabletop -n 4 --size 32 --frames 9 -o clips"
    return [
        *jobs,
        Job("generate", 'generate "a red ball rolls" --num-steps 4 -o ball.mkv'),
        Job("save_pretrained", EXPORT),
        Job("world tabletop", clips),
        Job("world discs", "world discs -n 8 --size 32 --frames 16 -o clips"),
        Job("check", "check clips --jobs 1 --html page.html --junit gates.xml", warm=(clips,)),
    ]


# ---- running and killing -------------------------------------------------------------------------


def fork(command: str, folder: Path) -> int:
    """Run a command of kinema in a process group of its own; its process id."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    os.chdir(folder)
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    torch.set_num_threads(1)
    status = BUG
    try:
        status = run_command(shlex.split(command))
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)


def run_command(words: list[str]) -> int:
    """Run a command of kinema in this process, or the export; its exit status."""
    if words == shlex.split(EXPORT):

        def export(argv: list[str]) -> int:
            kinema.load("tabletop").save_pretrained("system")
            return 0

        return main([], export)
    return main(words)


def finish(command: str, folder: Path) -> bool:
    """Run a command to its end; whether it succeeded."""
    _, status = os.waitpid(fork(command, folder), 0)
    return os.waitstatus_to_exitcode(status) in (0, 1)  # 1: check has found a fault


def kill_after(seconds: float, command: str, folder: Path, whole_group: bool) -> bool:
    """Run a command and kill it after some seconds; False if it ended before."""
    pid = fork(command, folder)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if whole_group else os.kill)(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def fresh(job: Job, folder: Path, warmed: Path | None) -> Path:
    """An empty folder, or one with what `warm` made, without the run itself."""
    shutil.rmtree(folder, ignore_errors=True)
    if warmed is None:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(warmed, folder)
        shutil.rmtree(folder / "run", ignore_errors=True)
    return folder


def torment(job: Job, kills: int, work: Path, generator: random.Random) -> Count:
    """Run one job undisturbed and then under kills, until the kills are used up."""
    count, warmed = Count(), None
    if job.warm:
        warmed = work / "warm"
        warmed.mkdir(parents=True)
        for command in job.warm:
            assert finish(command, warmed), f"{job.name}: {(warmed / 'log.txt').read_text()}"
    whole = fresh(job, work / "whole", warmed)
    start = time.monotonic()
    assert finish(job.command, whole), f"{job.name}: {(whole / 'log.txt').read_text()}"
    seconds = time.monotonic() - start
    while count.kills < kills:
        killed = fresh(job, work / "killed", warmed)
        count.runs += 1
        for _ in range(min(generator.randint(1, 9), kills - count.kills)):
            wait = seconds * generator.random() ** 2  # what is resumed has less before it
            count.kills += kill_after(wait, job.command, killed, generator.random() < 0.5)
        judge(job, finish(job.command, killed), whole, killed, count)
    return count


def torment_apart(job: Job, kills: int, seed: int) -> Count:
    """Torment a job in a folder of its own, at moments that follow from its name and the seed."""
    with tempfile.TemporaryDirectory() as folder:
        return torment(job, kills, Path(folder), random.Random(f"{job.name} {seed}"))


def judge(job: Job, succeeded: bool, whole: Path, killed: Path, count: Count) -> None:
    """Count what a run under kills has lost, changed and left over."""
    time.sleep(0.3)  # processes that lost their parent go within this time
    expected, found = contents(whole), contents(killed)
    missing = sorted(set(expected) - set(found))
    extra = sorted(set(found) - set(expected))
    changed = [name for name in expected if name in found and found[name] != expected[name]]
    if not succeeded or missing:
        count.lost += 1
        log = (killed / "log.txt").read_text(errors="replace").splitlines()[-1:]
        count.notes.append(f"{job.name}: lost {missing[:3]} {log}")
    if changed and job.compare:
        count.different += 1
        count.notes.append(f"{job.name}: different {changed[:3]}")
    if extra:
        count.left_over += 1
        count.notes.append(f"{job.name}: left over {extra[:3]}")


def contents(folder: Path) -> dict[str, str]:
    """A digest by the name of each file; of a cache only the names of what is not finished."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        unfinished = ".part" in path.name or ".lock" in path.name
        compared = not set(name.split("/")) & UNCOMPARED
        if path.is_file() and (unfinished or compared):
            found[name] = digest(path)
    return found


def digest(path: Path) -> str:
    """Of the bytes; of safetensors without the order of their header; of a log nothing."""
    if path.name in LOGS:
        return "log"
    if path.suffix != ".safetensors":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    with safe_open(path, "np") as file:
        parts = [json.dumps(file.metadata(), sort_keys=True).encode()]
        parts += [name.encode() + file.get_tensor(name).tobytes() for name in sorted(file.keys())]
    return hashlib.sha256(b"".join(parts)).hexdigest()


# ---- the table -----------------------------------------------------------------------------------


def page(counts: dict[str, Count], seed: int, num_kills: int) -> str:
    rows = [(name, c.runs, c.kills, c.lost, c.different, c.left_over) for name, c in counts.items()]
    total = [sum(row[k] for row in rows) for k in range(1, 6)]
    table = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" + "|--:" * 5 + "|",
        *(f"| {' | '.join(map(str, row))} |" for row in [*rows, ("**all**", *total)]),
    ]
    notes = [f"- {note}" for c in counts.values() for note in c.notes[:3]]
    return "\n".join(
        [
            "# Killed and run again",
            "",
            f"Printed by `python benchmarks/kills.py --kills {num_kills} --seed {seed}`. "
            + " ".join(str(__doc__).split("\n\n")[2].split()),
            "",
            *table,
            *(["", "What failed:", "", *notes] if notes else []),
            "",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="commands at the same time")
    parser.add_argument("--only", default="", help="jobs whose name contains this")
    parser.add_argument("--report", help="a Markdown file to write")
    options = parser.parse_args()
    chosen = [job for job in [*training_jobs(), *other_jobs()] if options.only in job.name]
    share = -(-options.kills // len(chosen))
    results: dict[str, Count] = {}
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("fork")) as pool:
        counts = pool.map(torment_apart, chosen, repeat(share), repeat(options.seed))
        for one, counted in zip(chosen, counts, strict=True):
            results[one.name] = counted
            print(one.name, counted, flush=True)
            if options.report:
                write_bytes(options.report, page(results, options.seed, options.kills).encode())
    print(page(results, options.seed, options.kills))
    failed = any(c.lost or c.different or c.left_over for c in results.values())
    sys.exit(int(failed))
