"""Start two commands on one folder or file: one works, and the other says who does.

    python benchmarks/pairs.py --pairs 50

Both are forks of this process and start together. A pair is *right* if one ends with status 0 and
the other with status 2 and a sentence that says who is at work. Where the first ends before
the second asks, *both worked*, which is right too and counted apart. Anything else, and any file
that stays beside the result, is *wrong*.
"""

import argparse
import os
import shlex
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from children import Outcome, run_child
from fuzz import COMMANDS, import_all, last_line
from kills import LOOP, TINY, run_command

RESULT = Path(__file__).parent.parent / "docs" / "results" / "pairs.md"
ENDS = ("right", "both worked", "wrong")
JOBS = {
    "train": f"train physics-uniform {TINY} --data.num_clips 6 --num-unseen 2 {LOOP} --folder run",
    "generate": "generate ball --num-steps 4 -o ball.mkv",
    "generate --long": "generate ball --num-steps 1 --num-frames 33 --long sliding -o long.mkv",
    "world": "world discs -n 40 --size 32 --frames 16 -o clips",
    "check": "check ../clips --jobs 1 --html page.html",
}


def run_pair(command: str, folder: Path) -> str:
    """Run a command twice at the same time; how it ended, a member of ENDS."""
    folder.mkdir()

    def start(number: int) -> Outcome:
        inside = folder.with_name(f"{folder.name}-{number}")  # beside it lies what it prints
        inside.mkdir()
        return run_child(lambda: run_in(folder, command), inside)

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(start, range(2)), key=lambda outcome: outcome.status)
    said = " ".join(outcomes[1].output.split())
    stays = [path for path in folder.rglob(".*") if path.name.endswith((".lock", ".part"))]
    statuses = [outcome.status for outcome in outcomes]
    if not stays and statuses == [0, 0]:
        return "both worked"
    if not stays and statuses == [0, 2] and "is in use by" in said and said[-1] == ".":
        return "right"
    print(command, statuses, stays, last_line(outcomes[1].output), flush=True)
    return "wrong"


def run_in(folder: Path, command: str) -> int:
    os.chdir(folder)
    return run_command(shlex.split(command))


def page(results: dict[str, Counter]) -> str:
    rows = [
        f"| {name} | " + " | ".join(str(ends[end]) for end in ENDS) + " |"
        for name, ends in [*results.items(), ("**all**", sum(results.values(), Counter()))]
    ]
    about = " ".join(str(__doc__).split("\n\n")[2].split())
    head = f"| command | {' | '.join(ENDS)} |\n|---{'|--:' * len(ENDS)}|\n"
    text = f"# Two at once\n\nPrinted by `python benchmarks/pairs.py`. {about}\n\n"
    return text + head + "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Two commands on one folder or file.")
    parser.add_argument("--pairs", type=int, default=50, metavar="N", help="in all")
    parser.add_argument("--report", type=Path, default=RESULT, help="the Markdown file to write")
    options = parser.parse_args()
    import_all(COMMANDS)
    results: dict[str, Counter] = {name: Counter() for name in JOBS}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = f"world discs -n 6 --size 32 --frames 12 -o {work / 'clips'}"
        assert run_child(lambda: run_command(shlex.split(clips)), work).status == 0
        for number in range(options.pairs):
            name = list(JOBS)[number % len(JOBS)]
            results[name][run_pair(JOBS[name], work / f"pair{number}")] += 1
            options.report.write_text(page(results))
    print(page(results))
    sys.exit(int(any(ends["wrong"] for ends in results.values())))


if __name__ == "__main__":
    main()
