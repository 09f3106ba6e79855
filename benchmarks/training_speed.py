"""One training step of our DiT against diffusers' WanTransformer3DModel, and the matrix ceiling.

    python benchmarks/training_speed.py            # about three minutes, on an idle machine

Prints the table and writes it to docs/results/training_speed.md.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from diffusers import WanTransformer3DModel
from torch import Tensor, nn

from kinema.blocks.attention import attend
from kinema.conditions import Conditions, Tokens
from kinema.denoisers import DiT, DiTConfig, count_flops, count_parameters, forward_flops

LATENTS = (16, 9, 8, 8)  # c f h w: 33 frames of 64 pixels through a 4x8x8 codec
TEXT_TOKENS, TEXT_DIM = 20, 192
NOTE = """
Both networks get the same latents, the same number of tokens and text of the same size; forward,
backward and fused AdamW. Wan runs in both of its usual ways, bf16 autocast and plain bf16 weights,
and is given the better of the two. Rounds are interleaved: every round measures the ceiling and
every network once, and the table quotes medians and the median of the ratios of each round.
At equal parameters Wan is deeper, because it shares one modulation among its layers where ours has
one a layer: the rows of equal depth show what is left without that.
""".strip()
RESULT = Path(__file__).parent.parent / "docs" / "results" / "training_speed.md"


@dataclass
class Runner:
    """A network, its training step, and the multiply-adds x 2 that the step needs."""

    name: str
    network: nn.Module
    step: Callable[[], None]
    flops: float

    @property
    def parameters(self) -> float:
        return count_parameters(self.network) / 1e6


def ceiling(size: int = 2048) -> float:
    """FLOP/s of one large bf16 matrix product, the most that this machine gives."""
    a, b = torch.randn(2, size, size).bfloat16()
    return 2 * size**3 / timed(lambda: a @ b)


def timed(call: Callable[[], object]) -> float:
    """Seconds. One thread is timed by its own clock, which a busy machine hardly disturbs."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    call()
    return clock() - start


def training_step(network: nn.Module, loss: Callable[[], Tensor], autocast: bool) -> Callable:
    """Forward, backward and fused AdamW."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16) if autocast else nullcontext():
            value = loss()
        value.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def our_dit(batch: int, patch: int, depth: int) -> Runner:
    """kinema's DiT under bf16 autocast, as `kinema train` runs it."""
    network = DiT(DiTConfig(depth=depth, patch=(1, patch, patch), text_dim=TEXT_DIM))
    x, t = torch.randn(batch, *LATENTS), torch.rand(batch, LATENTS[1])
    mask = torch.ones(batch, TEXT_TOKENS, dtype=torch.bool)
    conditions = Conditions(Tokens(torch.randn(batch, TEXT_TOKENS, TEXT_DIM), mask))
    step = training_step(network, lambda: (network(x, t, conditions) - x).square().mean(), True)
    flops = 3 * batch * count_flops(network, LATENTS, TEXT_TOKENS)
    return Runner("kinema DiT", network, step, flops)


def wan(batch: int, patch: int, depth: int, autocast: bool) -> Runner:
    """diffusers' Wan, of the same width, heads and MLP."""
    network = WanTransformer3DModel(
        patch_size=(1, patch, patch), num_attention_heads=4, attention_head_dim=64, in_channels=16,
        out_channels=16, text_dim=TEXT_DIM, ffn_dim=1024, num_layers=depth,
    )  # fmt: skip
    dtype = torch.float32 if autocast else torch.bfloat16
    network = nn.Module.to(network, dtype)
    x, t = torch.randn(batch, *LATENTS, dtype=dtype), torch.randint(0, 1000, (batch,))
    text = torch.randn(batch, TEXT_TOKENS, TEXT_DIM, dtype=dtype)

    def loss() -> Tensor:
        return (network(x, t, text, return_dict=False)[0] - x).float().square().mean()

    flops = 3 * forward_flops(network, x, t, text)
    name = f"Wan, {depth} layers, {'autocast' if autocast else 'bf16 weights'}"
    return Runner(name, network, training_step(network, loss, autocast), flops)


def race(runners: list[Runner], rounds: int) -> tuple[list[float], list[list[float]]]:
    """Ceilings, and seconds a step of every runner, round by round."""
    for runner in runners:
        runner.step()
    ceilings, seconds = [], []
    for _ in range(rounds):
        ceilings.append(ceiling())
        seconds.append([timed(runner.step) for runner in runners])
    return ceilings, seconds


def table(batch: int, patch: int, depth: int, rounds: int) -> list[str]:
    """The lines of one shape."""
    ours = our_dit(batch, patch, depth)
    # Wan shares one modulation among its layers: equal parameters make it deeper
    equal = min(range(depth, 2 * depth), key=lambda n: abs(wan_size(n, patch) - ours.parameters))
    ways = [(layers, auto) for layers in (depth, equal) for auto in (True, False)]
    runners = [ours] + [wan(batch, patch, *way) for way in ways]
    ceilings, seconds = race(runners, rounds)
    tokens = LATENTS[1] * LATENTS[2] * LATENTS[3] // patch**2
    lines = [
        f"\n{tokens} tokens, batch {batch}, bf16 ceiling {median(ceilings) / 1e9:.0f} GFLOP/s "
        f"({torch.get_num_threads()} threads), {rounds} rounds\n",
        "| network | parameters | ms a step | samples/s | share of ceiling | ours is faster by |",
        "|---|---|---|---|---|---|",
    ]
    for i, runner in enumerate(runners):
        times = [row[i] for row in seconds]
        mfu = median(runner.flops / s / c for s, c in zip(times, ceilings, strict=True))
        ratio = median(row[i] / row[0] for row in seconds)
        lines.append(
            f"| {runner.name} | {runner.parameters:.2f} M | {1000 * median(times):.0f} "
            f"| {batch / median(times):.1f} | {100 * mfu:.0f} % | {ratio:.2f} |"
        )
    return lines


def there_and_back(attention: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Forward and backward of one attention."""
    out = attention(*inputs)
    torch.autograd.grad(out, inputs, torch.ones_like(out))


def attention_table(rounds: int) -> list[str]:
    """Forward and backward of 8192 tokens in sequences of several lengths, bf16, 4 heads of 64."""
    lines = [
        f"\nAttention alone, forward and backward, 8192 tokens, 4 heads of 64, {rounds} rounds\n",
        "| sequence x batch | torch's, ms | ours, ms | ours is faster by |",
        "|---|---|---|---|",
    ]
    for length in (16, 64, 144, 256, 576, 1024):
        batch = 8192 // length
        q, k, v = (torch.randn(batch, 4, length, 64).bfloat16().requires_grad_() for _ in "qkv")
        ways = [
            partial(there_and_back, attention, q, k, v)
            for attention in (F.scaled_dot_product_attention, attend)
        ]
        for way in ways:
            way()
        seconds = [[timed(way) for way in ways] for _ in range(rounds)]
        theirs, ours = (1000 * median(column) for column in zip(*seconds, strict=True))
        ratio = median(row[0] / row[1] for row in seconds)
        lines.append(f"| {length} x {batch} | {theirs:.0f} | {ours:.0f} | {ratio:.1f} |")
    return lines


def wan_size(depth: int, patch: int) -> float:
    """Millions of parameters of a Wan of `depth` layers."""
    return wan(1, patch, depth, True).parameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=6, help="layers of our DiT")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved measurements")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    command = " ".join(["python benchmarks/training_speed.py", *sys.argv[1:]])
    lines = ["# Training speed", "", f"`{command}`", "", NOTE]
    for batch, patch in ((16, 2), (4, 1)):
        lines += table(batch, patch, options.depth, options.rounds)
    lines += attention_table(options.rounds)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
