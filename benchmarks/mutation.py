"""How many small faults the tests see: a random sample of mutants of seven rooms.

    python benchmarks/mutation.py --mutants 300 --seed 1     # an hour and a half of one core

A mutant is the code with one small fault in it (benchmarks/mutants.py says which). Each is run in a
process of its own, in a copy of the repository, against the test file that mirrors its file, and
if that sees nothing, against the tests of its room. What became of each is kept in
runs/mutation-SEED.jsonl: a run that was stopped goes on where it was. The page is written anew from
it, with what benchmarks/survivors.yaml says of those that no test saw.
"""

import argparse
import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # children are forks, which take no threads along

import yaml
from children import Outcome, run_child
from mutants import ARROW, SOURCE, Mutant, mutants_of

ROOT = Path(__file__).parents[1]
MUTMUT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
ROOMS = [Path(pattern).parent.name for pattern in MUTMUT["only_mutate"]]
IMPORTED = [
    *("torch", "torch.distributed.tensor", "torch.utils.flop_counter", "safetensors.torch"),
    *("numpy", "einops", "cv2", "av", "hypothesis.strategies", "pytest", "rich.console"),
]
RESULT = ROOT / "docs" / "results" / "mutation.md"
REASONS = ROOT / "benchmarks" / "survivors.yaml"
Result = dict[str, str]  # of a mutant: "room", "mutant", "seen" by which tests, and "how"
MAX_CPU_SECONDS, MAX_WALL_SECONDS = 120, 900  # a mutant that takes longer loops or waits


def copy_repository(folder: Path) -> None:
    """Copy what git knows, with compiled files, so that only the mutant is compiled again."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=ROOT, text=True).splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run([sys.executable, "-m", "compileall", "-q", "src"], cwd=folder, check=True)


def run_tests(folder: Path, tests: list[str]) -> int:
    """Run tests in this process; 0 if all pass."""
    import pytest

    places = [str(folder / "src"), str(folder)]
    sys.path[:0] = places
    gc.freeze()  # what the parent holds is never garbage
    os.environ["PYTHONPATH"] = os.pathsep.join(places)
    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:unraisableexception",
        "--hypothesis-seed=0",
    ]
    status = pytest.main([*options, *tests])
    import kinema

    assert Path(kinema.__file__).is_relative_to(folder), "another kinema was tested"
    return status


def outcome_of(folder: Path, tests: list[str]) -> Outcome:
    """Run tests in a process of their own."""
    run = partial(run_tests, folder, tests)
    return run_child(run, folder, MAX_CPU_SECONDS, MAX_WALL_SECONDS)


def failures_without_mutant(room: str) -> str:
    """Run a room's tests without a mutant: what fails here would fail with every mutant."""
    outcome = outcome_of(WORKER[0].folder, [f"tests/{room}"])
    return outcome.output if outcome.status else ""


def see(mutant: Mutant, folder: Path, tests: list[str]) -> str:
    """Run tests with a mutant in place: "failed", "stopped" (a loop, a crash), "" if all pass."""
    (folder / mutant.path).write_text(mutant.code, encoding="utf-8")
    try:
        status = outcome_of(folder, tests).status
    finally:
        (folder / mutant.path).write_text(mutant.module.code, encoding="utf-8")
    return "" if status == 0 else "failed" if status > 0 else "stopped"


def own_tests(mutant: Mutant) -> str:
    relative = mutant.path.relative_to(SOURCE)
    return str("tests" / relative.parent / f"test_{relative.name}")


def tests_that_name(mutant: Mutant) -> list[str]:
    """List the other tests of the room that name the function, its class or its file."""
    names = {mutant.path.stem, *mutant.function.split(".")}
    return [
        str(path)
        for path in sorted(Path("tests", mutant.room).rglob("test_*.py"))
        if names & set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        and str(path) != own_tests(mutant)
    ]


def try_mutant(mutant: Mutant, folder: Path) -> Result:
    """Tell which tests see a mutant: its own file's, others of its room, or none."""
    result = {"room": mutant.room, "mutant": mutant.name, "seen": ""}
    own = [own_tests(mutant)] if (folder / own_tests(mutant)).exists() else []
    for which, tests in (("file", own), ("room", tests_that_name(mutant))):
        if tests and (how := see(mutant, folder, tests)):
            return result | {"seen": which, "how": how}
    return result


def run_sample(sample: list[Mutant], record: Path, num_workers: int) -> list[Result]:
    """Try every mutant of a sample that the record does not hold yet."""
    record.parent.mkdir(exist_ok=True)
    known = record.read_text().splitlines() if record.exists() else []
    results = {result["mutant"]: result for result in map(json.loads, known)}
    waiting = [mutant for mutant in sample if mutant.name not in results]
    rooms = sorted({mutant.room for mutant in waiting})
    for name in IMPORTED:
        importlib.import_module(name)
    fork = multiprocessing.get_context("fork")
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())
        copy_repository(original := Path(place).resolve() / "kinema")
        executor = ProcessPoolExecutor(num_workers, fork, start, (original, waiting))
        pool = stack.enter_context(executor)  # unlike Pool's, its processes may have children
        for failures in pool.map(failures_without_mutant, rooms):
            if failures:
                sys.exit(f"Tests fail without a mutant:\n{failures}")
        for number, result in enumerate(pool.map(work, range(len(waiting))), 1):
            results[result["mutant"]] = result
            with record.open("a") as file:
                file.write(json.dumps(result) + "\n")
            seen = result["seen"] or "NOT SEEN"
            print(f"{number}/{len(waiting)} {seen}: {result['mutant']}", flush=True)
    return [results[mutant.name] for mutant in sample]


@dataclass
class Worker:
    """What one process of the pool works with: a copy of the repository, and every mutant."""

    folder: Path
    waiting: list[Mutant]


WORKER: list[Worker] = []  # one in every process of the pool, none in the first process


def start(original: Path, waiting: list[Mutant]) -> None:
    folder = original.with_name(f"kinema{os.getpid()}")
    shutil.copytree(original, folder)
    WORKER.append(Worker(folder, waiting))


def work(index: int) -> Result:
    return try_mutant(WORKER[0].waiting[index], WORKER[0].folder)


# ---- the page -------------------------------------------------------------------------------


def table(pool: dict[str, int], results: list[Result]) -> list[str]:
    lines = [
        "| room | mutants | drawn | seen by its file | seen by its room | not seen | share seen |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for room in [*pool, "all"]:
        of_room = [result for result in results if room in (result["room"], "all")]
        counts = Counter(result["seen"] for result in of_room)
        seen = len(of_room) - counts[""]
        total = pool.get(room, sum(pool.values()))
        share = f"{seen / len(of_room):.0%}, {interval(seen, len(of_room))}" if of_room else "-"
        cells = [room, f"{total:,}", len(of_room), counts["file"], counts["room"], counts[""]]
        lines.append(f"| {' | '.join(map(str, cells))} | {share} |")
    return lines


def interval(right: int, total: int) -> str:
    from kinema.metrics.intervals import wilson_interval  # children import a kinema of their own

    low, high = wilson_interval(right, total)
    return f"{low:.0%} to {high:.0%}"


def survivors(results: list[Result]) -> list[str]:
    reasons = yaml.safe_load(REASONS.read_text(encoding="utf-8")) if REASONS.exists() else {}
    lines = []
    for result in sorted(results, key=lambda result: result["mutant"]):
        if not result["seen"]:
            where, change = result["mutant"].split(": ", 1)
            reason = reasons.get(result["mutant"], "Not yet explained.")
            lines += [f"- `{where}`: {reason}", "", "  ```diff", *diff(change), "  ```", ""]
    return lines


def diff(change: str) -> list[str]:
    before, after = change.split(ARROW, 1)
    return [f"  - {before}", f"  + {after}"]


def page(options: argparse.Namespace, pool: dict[str, int], results: list[Result]) -> str:
    command = f"python benchmarks/mutation.py --mutants {options.mutants} --seed {options.seed}"
    stopped = sum(result.get("how") == "stopped" for result in results)
    return "\n".join(
        [
            "# Faults that the tests see",
            "",
            f"`{command}`",
            "",
            f"{len(results)} mutants drawn at random (seed {options.seed}) from the "
            f"{sum(pool.values()):,} that the operators of mutmut make of the functions of seven "
            "rooms. Each was run against the test file that mirrors its file, then, if that saw "
            "nothing, against the other tests of its room; tests of other rooms do not count. "
            f"{stopped} of those seen ran into the limit of time or crashed.",
            "",
            "Left out of the draw, by rule: messages (what is raised, printed, warned of or "
            "logged, and strings of several words), annotations, decorators, the device and the "
            "type that an argument passes on, the `strict=True` of `zip` (an assertion that no "
            "input fails), `len`, `isinstance`, and what stands outside of functions.",
            "",
            *table(pool, results),
            "",
            "## Not seen",
            "",
            *survivors(results),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--page", type=Path, default=RESULT, help="the page to write")
    options = parser.parse_args()
    os.chdir(ROOT)
    every = {room: mutants_of(room) for room in ROOMS}
    pool = [mutant for mutants in every.values() for mutant in mutants]
    random.Random(options.seed).shuffle(pool)  # a larger sample holds the smaller ones of its seed
    sample = pool[: options.mutants]
    results = run_sample(sample, ROOT / "runs" / f"mutation-{options.seed}.jsonl", options.workers)
    counts = {room: len(mutants) for room, mutants in every.items()}
    options.page.write_text(page(options, counts, results), encoding="utf-8")


if __name__ == "__main__":
    main()
