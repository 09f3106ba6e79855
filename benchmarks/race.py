"""Which network learns most in equal minutes? Same clips, same codec, same loop, same machine.

    python benchmarks/race.py --minutes 20        # about 80 minutes; resumes arm by arm

Each arm's speed is measured first, and its number of clips set so that it trains, decay included,
for the given minutes. Prints the table and writes it to docs/results/race.md.
"""

import argparse
import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from kinema.denoisers import SIZES
from kinema.judges.tabletop.scoring import Share
from kinema.probes.prompts.probe import PromptProbe, measure_prompts
from kinema.recipes import tabletop
from kinema.storage.atomic import write_bytes
from kinema.training import Position
from kinema.training.tasks.text_to_video import TextToVideoRun
from kinema.video import VideoPipeline

ARMS = ("dit-small", "uvit-small", "unet-small")
ASPECTS = ("subject color", "subject shape", "action and direction", "all together")
RESULT = Path(__file__).parent.parent / "docs" / "results" / "race.md"


@dataclass
class Arm:
    """How one network did."""

    name: str
    parameters: float
    rate: float
    samples: int
    held_out: float
    held_out_high: float
    shares: dict[str, Share]


def make_run(name: str, options: argparse.Namespace) -> TextToVideoRun:
    run = tabletop()
    run.folder, run.cache = f"{options.folder}/{name}", options.cache
    run.denoiser = copy.deepcopy(SIZES[name])
    return run


def clips_per_second(run: TextToVideoRun, seconds: float = 30.0) -> float:
    """The speed of a training step, its optimizer aside, after a warm-up."""
    task = run.task()
    with task.ready():
        task.data.clips.read(range(run.first_clips))  # wait until they are made
        steps, began = -2, 0.0
        while steps < 1 or time.perf_counter() - began < seconds:
            if steps == 0:
                began = time.perf_counter()
            with run.loop.computing():
                loss, _ = task.loss(Position(step=steps + 2), run.loop.batch_size, slice(None))
            loss.backward()
            steps += 1
    return steps * run.loop.batch_size / (time.perf_counter() - began)


def race(name: str, options: argparse.Namespace) -> Arm:
    """Train one arm, or take up where it was interrupted, and judge it."""
    run = make_run(name, options)
    plan = Path(run.folder) / "plan.json"
    if not plan.exists():
        rate = clips_per_second(run)
        write_bytes(plan, json.dumps({"rate": rate}).encode())
    rate = json.loads(plan.read_text())["rate"]
    run.loop.num_samples = int(60 * options.minutes * rate)
    run.loop.validate_every = run.loop.num_samples // 2
    if not (Path(run.folder) / "final").exists():
        run.train()
    lines = (Path(run.folder) / "metrics.jsonl").read_text().splitlines()
    last = [line for line in map(json.loads, lines) if "held_out_loss_high" in line][-1]
    pipe = VideoPipeline.from_pretrained(Path(run.folder) / "final")
    probe = PromptProbe(num_prompts=options.prompts, level=options.level, num_consistency=0)
    scores = measure_prompts(probe, pipe).scores["generated, held out"]
    return Arm(
        name,
        sum(p.numel() for p in pipe.denoiser.parameters()) / 1e6,
        rate,
        run.loop.num_samples,
        last["held_out_loss"],
        last["held_out_loss_high"],
        scores,
    )


def table(arms: list[Arm], options: argparse.Namespace) -> str:
    heads = ["network", "parameters", "clips/s", "clips seen", "held-out loss", "near t = 1"]
    rows = [[*heads, *ASPECTS], ["---"] * (len(heads) + len(ASPECTS))]
    for arm in arms:
        shares = [f"{arm.shares[a].value:.2f}" for a in ASPECTS]
        rows.append(
            [
                arm.name,
                f"{arm.parameters:.1f} M",
                f"{arm.rate:.0f}",
                f"{arm.samples:,}",
                f"{arm.held_out:.3f}",
                f"{arm.held_out_high:.3f}",
                *shares,
            ]
        )
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    command = f"race.py --minutes {options.minutes:g} --prompts {options.prompts}"
    return (
        f"# The race at equal minutes\n\n`python benchmarks/{command}`\n\n{lines}\n\n"
        f"Each arm trained for {options.minutes:g} minutes on {torch.get_num_threads()} thread(s), "
        f"one seed. The last columns: share of {options.prompts} held-out prompts of level "
        f"{options.level} that the judge finds fulfilled.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--arms", nargs="+", choices=sorted(SIZES), default=ARMS)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--folder", default="runs/race")
    parser.add_argument("--cache", default="runs/cache")
    options = parser.parse_args()
    arms = []
    for name in options.arms:
        arms.append(race(name, options))
        print(table(arms, options), flush=True)
    write_bytes(RESULT, table(arms, options).encode())


if __name__ == "__main__":
    main()
