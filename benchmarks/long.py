"""Resident memory and time of long videos against their length, one process each.

    python benchmarks/long.py                                    # 100, 1,000 and 10,000 frames
    python benchmarks/long.py --lengths 50 100 200 --num-steps 2 # a rehearsal

Prints the table and, unless --no-page, writes it to docs/results/long.md.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

RESULT = Path(__file__).parent.parent / "docs" / "results" / "long.md"
PROMPT = "a red ball rolls to the right"
# The last two with a causal denoiser, which is shown the past again or keeps it in a cache.
CAUSAL = ("causal-shown", "causal-cached")
STRATEGIES = (
    "sliding",
    "crossfade",
    "splice",
    "rolling",
    "autoregressive",
    "keyframes",
    "blend",
    *CAUSAL,
)
MIB = 2**20
NOTE = """
`{command}`, the `{model}` system at {steps} sampling steps, each video in a process of its own, in
turn, on {cores} core(s) while other programs kept {load:.1f} processes busy (load average at the
start). Memory is the most that the process held (`ru_maxrss`), seconds are processor time without
starting and loading. Growth: memory at the longest over memory at the shortest. Exponent: the
slope of log seconds over log frames; 1 is linear. `causal-shown` and `causal-cached` are the
autoregressive strategy with a denoiser of the same size and random weights that sees the past only,
without and with its cache. Required: growth at most 1.10, exponent at most
1.05.
""".strip()


def child(strategy: str, num_frames: int, model: str, num_steps: int) -> None:
    """Make one video; print what it took as JSON."""
    import kinema
    from kinema.video import generate_long, strategy_named

    pipe = kinema.load(model)
    if strategy in CAUSAL:
        pipe.denoiser = causal(pipe.denoiser)
        chosen = replace(strategy_named("autoregressive", pipe), cached=strategy == CAUSAL[1])
    else:
        chosen = strategy_named(strategy, pipe)
    with tempfile.TemporaryDirectory() as folder:
        began, clock = time.process_time(), time.perf_counter()
        target = Path(folder) / "long.mp4"
        generate_long(
            pipe, PROMPT, chosen, target, num_frames=num_frames, num_steps=num_steps, progress=False
        )
        seconds, wall = time.process_time() - began, time.perf_counter() - clock
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"bytes": held, "seconds": seconds, "wall": wall}))


def causal(denoiser):
    """A new denoiser of the same size that sees the past only."""
    from kinema.denoisers import make_denoiser

    return make_denoiser(replace(denoiser.config, attention="causal")).eval()


def measure(strategy: str, num_frames: int, model: str, num_steps: int) -> dict:
    command = [sys.executable, __file__, "--child", strategy, "--lengths", str(num_frames)]
    command += ["--model", model, "--num-steps", str(num_steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def exponent(lengths: list[int], seconds: list[float]) -> float:
    """Slope of the least-squares line through (log frames, log seconds)."""
    x, y = ([math.log(value) for value in values] for values in (lengths, seconds))
    mx, my = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return over / sum((a - mx) ** 2 for a in x)


def row(strategy: str, lengths: list[int], found: list[dict]) -> str:
    memory = " | ".join(f"{one['bytes'] / MIB:.0f}" for one in found)
    seconds = " | ".join(f"{one['seconds']:.1f}" for one in found)
    growth = found[-1]["bytes"] / found[0]["bytes"]
    slope = exponent(lengths, [one["seconds"] for one in found])
    return f"| {strategy} | {memory} | {growth:.3f} | {seconds} | {slope:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), choices=STRATEGIES)
    parser.add_argument("--model", default="tabletop")
    parser.add_argument("--num-steps", type=int, default=4)
    parser.add_argument("--no-page", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.lengths[0], options.model, options.num_steps)
        return
    load, lengths = os.getloadavg()[0], options.lengths
    heads = [f"MiB at {n:,}" for n in lengths] + ["growth"]
    heads += [f"s at {n:,}" for n in lengths] + ["exponent"]
    lines = ["| strategy | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for strategy in options.strategies:
        found = [measure(strategy, n, options.model, options.num_steps) for n in lengths]
        lines.append(row(strategy, lengths, found))
        print(lines[-1], flush=True)
    command = "python benchmarks/long.py " + " ".join(sys.argv[1:])
    note = NOTE.format(
        command=command.strip(), model=options.model, steps=options.num_steps, load=load,
        cores=len(os.sched_getaffinity(0)),
    )  # fmt: skip
    page = "# Memory and time of long videos\n\n" + "\n".join(lines) + f"\n\n{note}\n"
    print(page)
    if not options.no_page:
        RESULT.write_text(page)
        print(f"Written to {RESULT}")


if __name__ == "__main__":
    main()
