"""How fast worlds render: clips a second from two processes, and processor time a clip.

    python benchmarks/worlds.py            # about a minute, on an idle machine

Prints the table and writes it to docs/results/worlds.md.
"""

import argparse
import os
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from kinema.worlds import WORLDS, Rendering, render_ahead

RESULT = Path(__file__).parent.parent / "docs" / "results" / "worlds.md"
NUM_PROCESSES = 2
NOTE = """
33 frames of 64 x 64 pixels (discs: 32 frames), {rounds} interleaved rounds of {clips} clips each,
rendered by `kinema.worlds.render_ahead` in {processes} processes of one thread; medians. "clips/s"
is by the clock, while other programs kept {load:.1f} processes busy on {cores} cores (load average
at the start). "ms/clip" is processor time, which they disturb less; "two free cores" is what
follows from it, 2000 / (ms/clip). Required of the tabletop with truth: 20 clips/s on two cores.
""".strip()


@dataclass
class Row:
    world: str
    level: int
    truth: bool
    clock: list[float] = field(default_factory=list)  # seconds a clip
    processor: list[float] = field(default_factory=list)

    def measure(self, seeds: range) -> None:
        num_frames = 32 if self.world == "discs" else 33
        rendering = Rendering(num_frames, level=self.level, truth=self.truth)
        clips = render_ahead(WORLDS[self.world], seeds, rendering, NUM_PROCESSES)
        next(clips)  # the processes have started; their first clips warm the caches
        before, start = processor_time(), time.perf_counter()
        count = sum(1 for _ in clips)
        self.clock.append((time.perf_counter() - start) / count)
        self.processor.append((processor_time() - before) / len(seeds))

    def __str__(self) -> str:
        clock, processor = median(self.clock), median(self.processor)
        return (
            f"| {self.world} | {self.level} | {'yes' if self.truth else 'no'} | {1 / clock:.1f} "
            f"| {1000 * processor:.1f} | {NUM_PROCESSES / processor:.1f} |"
        )


def processor_time() -> float:
    """Seconds that this process and its ended children have computed."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40, help="clips a round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    rows = [Row("tabletop", level, truth) for level in (1, 2, 3, 4) for truth in (False, True)]
    rows += [Row("discs", 3, True)]
    for number in range(options.rounds):
        for row in rows:
            row.measure(range(number * options.clips, (number + 1) * options.clips))
    head = "| world | level | truth | clips/s | ms/clip | two free cores, clips/s |\n" + "|---" * 6
    note = NOTE.format(
        rounds=options.rounds, clips=options.clips, processes=NUM_PROCESSES, load=load,
        cores=len(os.sched_getaffinity(0)),
    )  # fmt: skip
    table = "\n".join([head + "|", *map(str, rows)])
    page = f"# Rendering speed of the worlds\n\n{table}\n\n{note}\n"
    print(page)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(page)
    print(f"Written to {RESULT}")


if __name__ == "__main__":
    main()
