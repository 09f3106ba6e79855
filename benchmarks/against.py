"""This tree against another one, such as a version before: is anything slower now?

    git worktree add ../before v0.1.0
    python benchmarks/against.py ../before                        # half an hour, all of it
    python benchmarks/against.py ../before --only unet-3d import  # what has this in its name

Each tree answers from a process of its own, which imports kinema from there. They take turns, one
thread each, and a figure is the processor time of the process, which a busy machine hardly
disturbs. The table has medians and the median of the ratios of each round. It is written to
docs/results/against.md where everything was measured. Exit status 1: something is slower by more
than `--bound`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

HERE = Path(__file__).parents[1]
RESULT = HERE / "docs" / "results" / "against.md"
LATENTS, TEXT_TOKENS, TEXT_DIM = (16, 9, 8, 8), 20, 192  # 33 frames of 64 pixels; c f h w
CLIP, BATCH = (17, 64, 64), 2  # f h w
FAMILIES = (
    "dit", "dit-frame", "dit-factorized", "dit-causal", "dit-recurrent", "mmdit", "uvit",
    "unet", "unet-frame", "unet-3d", "unet-spacetime", "unet-recurrent",
)  # fmt: skip
PROMPT = "a red ball rolls to the right behind a blue cube"
COMMANDS = {
    "import kinema": ["-c", "import kinema"],
    "import kinema.video": ["-c", "import kinema.video"],
    "kinema --help": ["-m", "kinema.cli", "--help"],
    "kinema generate": ["-m", "kinema.cli", "generate", PROMPT, "-o", "ball.mp4"],
}

# What is measured: in the process of a tree, with what both versions have -------------------------


def works(precisions: list[str]) -> Iterator[tuple[str, Callable[[], Callable[[], object]]]]:
    """Names, and what prepares the work of that name."""
    for precision in precisions:
        for family in FAMILIES:
            yield f"step of {family}-small, {precision}", partial(denoiser_step, family, precision)
        for way in ("encode", "decode", "step"):
            yield f"codec {way}, {precision}", partial(codec_work, way, precision)
    yield "generate 33 frames", generation
    yield "check a clip", checking
    for name, arguments in COMMANDS.items():
        yield name, partial(partial, command, arguments)


def training_step(network, loss: Callable[[], object], precision: str) -> Callable[[], None]:
    """Forward, backward and fused AdamW."""
    import torch

    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            value = loss()
        value.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def denoiser_step(family: str, precision: str) -> Callable[[], None]:
    import torch

    from kinema import conditions as room
    from kinema.denoisers import SIZES, make_denoiser

    network = make_denoiser(SIZES[f"{family}-small"])
    x, t = torch.randn(BATCH, *LATENTS), torch.rand(BATCH, LATENTS[1])
    mask = torch.ones(BATCH, TEXT_TOKENS, dtype=torch.bool)
    Tokens = getattr(room, "Tokens", None) or room.Text  # its name before
    conditions = room.Conditions(Tokens(torch.randn(BATCH, TEXT_TOKENS, TEXT_DIM), mask))
    return training_step(
        network, lambda: (network(x, t, conditions) - x).square().mean(), precision
    )


def codec_work(way: str, precision: str) -> Callable[[], object]:
    """A clip encoded, latents decoded, or a training step of the codec."""
    import torch

    from kinema.codecs import CausalVAE, CausalVAEConfig, CodecLoss, codec_loss, reconstruct

    codec = CausalVAE(CausalVAEConfig(channels=8))
    frames = torch.rand(BATCH, 3, *CLIP) * 2 - 1
    if way == "step":
        return training_step(
            codec,
            lambda: codec_loss(codec, reconstruct(codec, frames), CodecLoss())[0].mean(),
            precision,
        )
    x = frames if way == "encode" else torch.randn(BATCH, *codec.latent_shape(*CLIP))
    bf16 = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
    return bf16(torch.no_grad()(partial(getattr(codec.eval(), way), x)))


def generation() -> Callable[[], object]:
    import kinema

    return partial(kinema.load("tabletop"), PROMPT, num_frames=33, seed=0)


def checking() -> Callable[[], object]:
    """The ruler over a clip of a wall before a panning camera."""
    import numpy as np

    import kinema

    wall = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
    wall = wall.repeat(16, 0).repeat(16, 1)
    return partial(kinema.check, np.stack([wall[:, 4 * i : 4 * i + 256] for i in range(33)]))


def command(arguments: list[str]) -> None:
    """A process from its start to its end; its parent is charged for it by `processor_seconds`."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, *arguments], cwd=folder, check=True, capture_output=True, timeout=600
        )


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def answer(precisions: list[str]) -> None:
    """The process of a tree: read names, do the work once, print processor seconds."""
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    prepared = dict(works(precisions))
    name, work = "", lambda: None
    for line in sys.stdin:
        if line.strip() != name:
            name = line.strip()
            torch.manual_seed(0)
            work = prepared[name]()
            work()  # prepares kernels
        began = processor_seconds()
        work()
        print(json.dumps(processor_seconds() - began), flush=True)


# The two trees ------------------------------------------------------------------------------------


@dataclass
class Tree:
    """A folder with kinema in it, and the process that answers for it."""

    folder: Path
    process: subprocess.Popen

    @classmethod
    def start(cls, folder: Path, precisions: list[str]) -> "Tree":
        environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
        words = [sys.executable, __file__, str(folder), "--answer", "--precisions", *precisions]
        pipe = subprocess.PIPE
        return cls(folder, subprocess.Popen(words, stdin=pipe, stdout=pipe, env=environment))

    def seconds(self, name: str) -> float:
        """Processor seconds of a piece of work, done once."""
        self.process.stdin.write(f"{name}\n".encode())
        self.process.stdin.flush()
        answered = self.process.stdout.readline()
        if not answered:
            sys.exit(f"{self.folder} has no answer to {name!r}; see above.")
        return json.loads(answered)


def turn(trees: list[Tree], name: str, number: int) -> list[float]:
    """Processor seconds of each tree in one round; they take turns in being first."""
    order = trees if number % 2 else trees[::-1]
    seconds = {tree.folder: tree.seconds(name) for tree in order}
    return [seconds[tree.folder] for tree in trees]


def rows(
    trees: list[Tree], names: list[str], rounds: int
) -> Iterator[tuple[str, float, float, float]]:
    """Name, seconds here and there, and the ratio: above 1, this tree is the slower one."""
    for name in names:
        times = [turn(trees, name, number) for number in range(rounds)]
        here, there = (median(column) for column in zip(*times, strict=True))
        yield name, here, there, median(a / b for a, b in times)


def page(table: list[tuple[str, float, float, float]], told: str) -> str:
    lines = [
        "# Against the version before",
        f"`{' '.join(['python benchmarks/against.py', *sys.argv[1:]])}`",
        told,
        "| work | now, ms | before, ms | now over before |\n|---|---:|---:|---:|\n"
        + "\n".join(f"| {n} | {1e3 * a:.1f} | {1e3 * b:.1f} | {r:.3f} |" for n, a, b, r in table),
    ]
    return "\n\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the other tree")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved measurements")
    parser.add_argument("--only", nargs="+", default=[], help="work with one of these in its name")
    parser.add_argument("--precisions", nargs="+", default=["bf16", "fp32"])
    parser.add_argument("--bound", type=float, default=1.03, help="of the ratios")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        return answer(options.precisions)
    names = [name for name, _ in works(options.precisions)]
    if options.only:
        names = [name for name in names if any(part in name for part in options.only)]
    trees = [Tree.start(folder.resolve(), options.precisions) for folder in (HERE, options.other)]
    table = []
    for row in rows(trees, names, options.rounds):
        table.append(row)
        print(f"{row[0]:34} {row[1]:8.4f} s {row[2]:8.4f} s  {row[3]:.3f}", flush=True)
    from measuring import conditions_of_run

    if not options.only:
        told = f"One thread, {options.rounds} rounds. {conditions_of_run('bf16 and fp32')}"
        RESULT.write_text(page(table, told))
    slower = [name for name, *_, ratio in table if ratio > options.bound]
    if slower:
        sys.exit(f"Slower by more than {100 * (options.bound - 1):.0f} %: {', '.join(slower)}.")


if __name__ == "__main__":
    main()
