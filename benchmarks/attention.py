"""How attention grows: time, memory and pairs of one layer, from 1,024 to 409,600 tokens.

    python benchmarks/attention.py                 # about five minutes on an idle core
    python benchmarks/attention.py --max-pairs 2e11    # full attention to the end too: half an hour

Prints the tables and writes them to docs/results/attention.md. Each way runs in a process of its
own, so that its peak memory is its own.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinema.blocks.attention import (
    AttentionSpec,
    Factorized,
    Full,
    Hybrid,
    Windowed,
    attend_video,
    count_pairs,
)  # fmt: skip
from kinema.blocks.mixers import Attention, make_mixer
from kinema.denoisers import forward_flops

HEAD_DIM = 64
# Frames and sides: 1,024 and 4,096 tokens are four small frames, then 64 x 64 places grow longer.
GRIDS = [(4, 16), (4, 32), (4, 64), (8, 64), (16, 64), (25, 64), (50, 64), (100, 64)]
LINEAR_FROM = 16_384
WAYS: dict[str, AttentionSpec] = {
    "full": Full(),
    "factorized": Factorized(),
    "windowed, 1 frame each side": Windowed(1),
    "hybrid, 1 each side and every 32nd": Hybrid(1, 32),
}
RESULT = Path(__file__).parent.parent / "docs" / "results" / "attention.md"


def pairs_of(spec: AttentionSpec, num_frames: int, places: int) -> int:
    """Pairs of a layer; of a factorized one, of its layer in space and its layer in time."""
    layers = (0, 1) if isinstance(spec, Factorized) else (0,)
    return sum(count_pairs(spec, num_frames, places, layer) for layer in layers)


def attend(q: Tensor, spec: AttentionSpec) -> None:
    for layer in (0, 1) if isinstance(spec, Factorized) else (0,):
        attend_video(q, q, q, spec, layer)


def measure(name: str, max_pairs: float) -> Iterator[dict]:
    """Core-seconds and peak memory of one head of 64 in fp32, forward, for every grid in reach."""
    spec = WAYS[name]
    for num_frames, side in GRIDS:
        pairs = pairs_of(spec, num_frames, side**2)
        if pairs > max_pairs:
            return
        q = torch.randn(1, 1, num_frames, side**2, HEAD_DIM)
        seconds = []
        for _ in range(3 if pairs < 1e8 else 1):
            began = time.process_time()
            attend(q, spec)
            seconds.append(time.process_time() - began)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux: KiB
        yield {"tokens": num_frames * side**2, "seconds": min(seconds), "pairs": pairs, "GiB": peak}


def growth_tables(max_pairs: float) -> list[str]:
    command = [sys.executable, __file__, "--max-pairs", str(max_pairs), "--way"]
    running = {
        name: subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in WAYS
    }
    columns = {}
    for name, process in running.items():
        printed, _ = process.communicate()
        assert process.returncode == 0, f"{name} failed"
        columns[name] = [json.loads(line) for line in printed.splitlines()]
        print(name, *columns[name], sep="\n  ", flush=True)
    header = "| tokens | " + " | ".join(WAYS) + " |\n" + "|---" * (len(WAYS) + 1) + "|"
    times, pairs = [], []
    for i, (num_frames, side) in enumerate(GRIDS):
        rows = [column[i] if i < len(column) else None for column in columns.values()]
        head = f"| {num_frames * side**2:,} = {num_frames} x {side} x {side} | "
        cells = (f"{r['seconds']:.3f} s, {r['GiB']:.2f} GiB" if r else "-" for r in rows)
        times.append(head + " | ".join(cells) + " |")
        counts = (f"{pairs_of(spec, num_frames, side**2):.3g}" for spec in WAYS.values())
        pairs.append(head + " | ".join(counts) + " |")
    fits = ["| exponent of time above 16K | " + " | ".join(map(exponent, columns.values())) + " |"]
    counted = "| exponent of pairs above 16K | " + " | ".join(
        f"{slope([(f * s * s, pairs_of(spec, f, s * s)) for f, s in GRIDS[2:]]):.2f}"
        for spec in WAYS.values()
    )
    return [
        header,
        *times,
        *fits,
        "",
        "Pairs of a query and a key:",
        "",
        header,
        *pairs,
        counted + " |",
    ]


def exponent(column: list[dict]) -> str:
    """The slope of log time over log tokens above 16K tokens."""
    points = [(r["tokens"], r["seconds"]) for r in column if r["tokens"] >= LINEAR_FROM]
    return f"{slope(points):.2f}" if len(points) > 2 else "-"


def slope(points: list[tuple[float, float]]) -> float:
    x, y = np.log(np.array(points, float)).T
    return float(np.polyfit(x, y, 1)[0])


def long_clip_table() -> list[str]:
    """Temporal attention of a 120-frame clip at one place, counted on the meta device."""
    specs = {
        "full": Full(), "window of 17": Windowed(8), "window of 17 and every 16th": Hybrid(8, 16)
    }  # fmt: skip
    header = "temporal attention | pairs seen | of full | pairs computed | MFLOP of the layer"
    lines = [f"| {header} |", "|---" * 5 + "|"]
    full = count_pairs(Full(), 120, 1)
    for name, spec in specs.items():
        seen, computed = count_pairs(spec, 120, 1), computed_pairs(spec, 120)
        mixer = make_mixer(Attention(spec, num_heads=16), 1024)
        counted = forward_flops(mixer, torch.zeros(1, 120, 1, 1, 1024)) / 1e6
        lines.append(f"| {name} | {seen:,} | 1/{full / seen:.1f} | {computed:,} | {counted:.1f} |")
    return lines


def computed_pairs(spec: AttentionSpec, num_frames: int) -> int:
    """Pairs that are computed at one place, those under a mask among them."""
    q = torch.zeros(1, 1, num_frames, 1, 8)
    return forward_flops(Attending(spec), q) // (4 * 8)


class Attending(nn.Module):
    def __init__(self, spec: AttentionSpec):
        super().__init__()
        self.spec = spec

    def forward(self, q: Tensor) -> Tensor:
        return attend_video(q, q, q, self.spec)


def cost_table() -> list[str]:
    """Tokens and operations of one forward pass over duration, frame rate and size."""
    heading = "frames | latents | values, raw / latent | tokens | full | factorized | windowed(1)"
    lines = [f"| seconds x fps | size | {heading} |", "|---" * 9 + "|"]
    cases = [(1, 16, 256), (2, 8, 512), (2, 24, 512), (5, 24, 512), (5, 24, 1024), (10, 24, 512)]
    for seconds, fps, side in cases:
        frames = seconds * fps
        f, n = 1 + math.ceil((frames - 1) / 4), side // 8
        raw, kept, tokens = frames * side**2 * 3, f * n**2 * 16, f * (n // 2) ** 2
        flops = (dit_flops(spec, f, n // 2) for spec in (Full(), Factorized(), Windowed(1)))
        lines.append(
            f"| {seconds} x {fps} | {side} | {frames} | {f} x {n} x {n} | {raw / 1e6:.1f} M / "
            f"{kept / 1e6:.2f} M | {tokens:,} | "
            + " | ".join(f"{x / 1e12:.1f}" for x in flops)
            + " |"
        )
    return lines


def dit_flops(spec: AttentionSpec, num_frames: int, side: int) -> int:
    """The forward pass of 24 layers of width 1024 with an MLP four times as wide."""
    dim, depth = 1024, 24
    linear = depth * 24 * num_frames * side**2 * dim**2  # 4 + 8 matrices of d x d
    return linear + 4 * dim * sum(count_pairs(spec, num_frames, side**2, i) for i in range(depth))


def page(max_pairs: float) -> list[str]:
    n, f, places = 409_600, 100, 4096
    full, factorized = count_pairs(Full(), f, places), pairs_of(Factorized(), f, places)
    dim = 1024
    return [
        "# How attention grows",
        f"`{' '.join(['python benchmarks/attention.py', *sys.argv[1:]])}`",
        f"One head of {HEAD_DIM}, fp32, forward, seconds of one core ({torch.get_num_threads()} "
        "thread, by the clock of the process: other work on the machine hardly counts; the four "
        "ways run beside each other) and the peak resident memory "
        "of the process so far, torch included. A factorized layer is its "
        "layer in space and its layer in time. A dash: more than "
        f"{max_pairs:.0e} pairs, not measured.",
        "\n".join(growth_tables(max_pairs)),
        f"At {n:,} tokens full attention has N^2 = {full:.3g} pairs, factorized attention "
        f"F (HW)^2 + HW F^2 = N (HW + F) = {factorized:.3g}: {full / factorized:.1f} times fewer. "
        f"That is not N log N, which would be {n * math.log2(n):.2g}, "
        f"{factorized / (n * math.log2(n)):.0f} times fewer still. At width {dim} the pairs "
        f"of a layer cost {4 * dim * full / 1e12:.0f} TFLOP full and "
        f"{4 * dim * factorized / 1e12:.1f} factorized, and its linear maps "
        f"{24 * n * dim**2 / 1e12:.1f}: once factorized, attention no longer dominates.",
        "## A clip of 120 frames, full or windowed",
        "Temporal attention at one place, 16 heads, width 1024, counted by torch. The window spans "
        "8 frames to each side. Runs of up to 16 frames are computed together under a mask, hence "
        f"more pairs than are seen. {8 * 120 * 1024**2 / 1e6:.1f} MFLOP are queries, keys, values "
        "and the way out, which all pay alike.",
        "\n".join(long_clip_table()),
        "A window sees no further than itself: neighbors agree (no flicker), but frames 1 and 120 "
        "never meet in one layer (identity may drift). The strided frames of the hybrid let them "
        "meet, at a cost that grows with the square of the length again, 16 times slower.",
        "## What a clip costs",
        "Latents of 16 channels, 8 x 8 in space and 4 in time; tokens of 2 x 2 latents; TFLOP of "
        "one forward pass of 24 layers of width 1024 (24 N d^2 operations of linear maps and 4 d a "
        "pair, each layer), by which layers see.",
        "\n".join(cost_table()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-pairs", type=float, default=5.1e9, help="larger cases are left out")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    if options.way:
        for row in measure(options.way, options.max_pairs):
            print(json.dumps(row), flush=True)
        return
    text = "\n\n".join(page(options.max_pairs)) + "\n"
    RESULT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
