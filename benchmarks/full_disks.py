"""Fill the disk under kinema's commands, at every size at which they still need more.

    unshare --user --map-root-user --mount python benchmarks/full_disks.py

Each command runs once on a disk with room. Then it runs on empty disks that are too small, from one
page to almost enough, on one that has no room for another file, and on one that is read-only. Three
things are counted: *no sentence*, the answer is not one sentence and status 2; *half-written*, a
file is there that the run with room does not leave, or another one of its name; *stuck*, the same
command does not finish with the same files once there is room.

The disks are tmpfs, which Linux lets a user mount in a name space of their own: hence `unshare`.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from children import Outcome, run_child
from fuzz import COMMANDS, faults_of, import_all, last_line
from kills import EXPORT, LOOP, TINY, contents, run_command

RESULT = Path(__file__).parent.parent / "docs" / "results" / "full_disks.md"
PAGE_BYTES, ROOM = 4096, "size=1g,nr_inodes=100k"
FAULTS = ("no sentence", "half-written", "stuck")
# What a run and a long video have written so far, in order to go on from it
UNFINISHED = ("run/", ".", "long.mkv.part/")


@dataclass
class Job:
    """A command.

    Attributes:
        name: in the table.
        command: of kinema, run on the small disk.
        share: of the places.
    """

    name: str
    command: str
    share: int


JOBS = [
    Job("world", "world discs -n 3 --size 32 --frames 8 -o clips", 30),
    Job("check", "check {clips} --jobs 1 --quiet --json a.json --html b.html --junit c.xml", 20),
    Job("save_pretrained", EXPORT, 15),
    Job("generate", "generate 'a red ball rolls' --num-steps 1 -n 2 -o ball.mkv", 12),
    Job(
        "generate --long",
        "generate '0: a red ball rolls; 17: a cube' --num-frames 33 --num-steps 1 -o long.mkv "
        "--long sliding",
        12,
    ),
    Job("train", f"train physics-uniform {TINY} --data.num_clips 6 --num-unseen 2 {LOOP} "
        "--folder run", 11),
]  # fmt: skip


# ---- disks --------------------------------------------------------------------------------------


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def disks(need: int, files: int, count: int) -> Iterator[str]:
    """Options of disks that are too small, the last two without room for a file and read-only.

    Args:
        need: bytes that the command leaves.
        files: files and folders that it leaves.
        count: how many disks.
    """
    pages = need // PAGE_BYTES
    for k in range(count - 2):
        size = 1 + k * max(pages - 2, 1) // max(count - 3, 1)
        yield f"size={PAGE_BYTES * size},nr_inodes=100k"
    yield f"size=1g,nr_inodes={1 + max(files // 2, 1)}"
    yield "ro"


# ---- one place ----------------------------------------------------------------------------------


@dataclass
class Whole:
    """What a run with room leaves: digests by name, bytes, files."""

    files: dict[str, str]
    num_bytes: int


def run_whole(run: Callable[[], int], disk: Path) -> Whole:
    mount(disk, ROOM)
    outcome = run_child(run, disk)
    assert outcome.status in (0, 1), outcome.output
    whole = Whole(contents(disk), shutil.disk_usage(disk).used)
    unmount(disk)
    return whole


def one_place(run: Callable[[], int], disk: Path, options: str, whole: Whole) -> tuple[str, str]:
    """Run a command on a small disk, then with room; the first fault, and what was answered."""
    mount(disk, options)
    try:
        outcome = run_child(run, disk)
        fault = fault_of(outcome, contents(disk), whole)
        remount(disk, f"{ROOM},rw")
        again = run_child(run, disk)
        if not fault and (again.status not in (0, 1) or contents(disk) != whole.files):
            return "stuck", last_line(again.output)
        return fault, last_line(outcome.output)
    finally:
        unmount(disk)


def fault_of(outcome: Outcome, found: dict[str, str], whole: Whole) -> str:
    if outcome.status != 2 or faults_of(outcome, set(), set()):
        return "no sentence"
    for name, digest in found.items():
        own = name.removeprefix("long.mkv.part/")
        is_left = ".part" in own or ".lock" in own
        in_progress = name.startswith(UNFINISHED) and "final" not in name
        if is_left or (not in_progress and whole.files.get(name) != digest):
            return "half-written"
    return ""


# ---- all of them --------------------------------------------------------------------------------


def try_all(job: Job, count: int, work: Path) -> tuple[Counter, list[str]]:
    """Try a command on `count` disks; its faults, and what was answered."""
    disk, faults, notes = work / "disk", Counter(), []
    disk.mkdir(exist_ok=True)
    words = shlex.split(job.command.format(clips=work / "clips"))
    run = lambda: run_command(words)  # noqa: E731
    whole = run_whole(run, disk)
    for options in disks(whole.num_bytes, len(whole.files), count):
        fault, said = one_place(run, disk, options, whole)
        faults[fault] += 1
        if fault:
            notes.append(f"{job.name} on {options}: {fault}: {said[:160]}")
            print(notes[-1], flush=True)
    return faults, notes


def page(results: dict[str, Counter], notes: list[str]) -> str:
    total = sum(results.values(), Counter())
    rows = [
        f"| {name} | {faults.total()} | " + " | ".join(str(faults[f]) for f in FAULTS) + " |"
        for name, faults in [*results.items(), ("**all**", total)]
    ]
    head = f"| command | disks | {' | '.join(FAULTS)} |\n|---{'|--:' * (1 + len(FAULTS))}|\n"
    parts = [
        "# Full disks",
        "Printed by `unshare --user --map-root-user --mount python benchmarks/full_disks.py`. "
        + " ".join(str(__doc__).split("\n\n")[2].split()),
        head + "\n".join(rows),
    ]
    return "\n\n".join([*parts, *(f"- {note}" for note in notes[:20])]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Commands on disks that are full.")
    parser.add_argument("--places", type=int, default=100, metavar="N", help="disks in all")
    parser.add_argument("--only", default="", help="commands whose name contains this")
    parser.add_argument("--report", type=Path, default=RESULT, help="the Markdown file to write")
    options = parser.parse_args()
    chosen, results, notes = [job for job in JOBS if options.only in job.name], {}, []
    import_all(COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = shlex.split("world discs -n 2 --size 32 --frames 12 -o clips")
        assert run_child(lambda: run_command(clips), work).status == 0
        for job in chosen:
            count = -(-options.places * job.share // sum(one.share for one in chosen))
            results[job.name], said = try_all(job, count, work)
            notes += said
            print(job.name, dict(results[job.name]), flush=True)
            options.report.write_text(page(results, notes))
    sys.exit(int(any(sum(faults[f] for f in FAULTS) for faults in results.values())))


if __name__ == "__main__":
    main()
