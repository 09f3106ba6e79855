"""One training step of our DiT against diffusers' WanTransformer3DModel, and the matrix ceiling.

    python benchmarks/training_speed.py            # about three minutes, on an idle machine

Prints the table and writes it to docs/results/training_speed.md, in fp32 to
docs/results/training_speed_fp32.md. A processor with AVX2 only is emulated on a later one by
ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 in the environment.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from diffusers import WanTransformer3DModel
from measuring import add_options, apply_options, ceiling, conditions_of_run, page_of, timed
from torch import Tensor, nn

from kinema.blocks.attention import attend
from kinema.blocks.precision import computing_in
from kinema.conditions import Conditions, Tokens
from kinema.denoisers import DiT, DiTConfig, count_flops, count_parameters, forward_flops

LATENTS = (16, 9, 8, 8)  # c f h w: 33 frames of 64 pixels through a 4x8x8 codec
TEXT_TOKENS, TEXT_DIM = 20, 192
NOTE = """
Both networks get the same latents, the same number of tokens and text of the same size; forward,
backward and fused AdamW. In bf16 Wan runs in both of its usual ways, autocast and bf16 weights, and
is given the better of the two. Denormal numbers are zero for all. Rounds are interleaved: every
round measures the ceiling and every network once, and the table quotes medians and the median of
the ratios of each round. At equal parameters Wan is deeper, because it shares one modulation among
its layers where ours has one a layer: the rows of equal depth show what is left without that.
""".strip()


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


def training_step(
    network: nn.Module, loss: Callable[[], Tensor], precision: str
) -> Callable[[], None]:
    """Forward, backward and fused AdamW; "fp32" leaves the weights in the type they have."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with computing_in(precision):
            value = loss()
        with computing_in("fp32"):
            value.backward()
            optimizer.step()
            optimizer.zero_grad()

    return step


def our_dit(batch: int, patch: int, depth: int, precision: str) -> Runner:
    """kinema's DiT as `kinema train` runs it."""
    network = DiT(DiTConfig(depth=depth, patch=(1, patch, patch), text_dim=TEXT_DIM))
    x, t = torch.randn(batch, *LATENTS), torch.rand(batch, LATENTS[1])
    mask = torch.ones(batch, TEXT_TOKENS, dtype=torch.bool)
    conditions = Conditions(Tokens(torch.randn(batch, TEXT_TOKENS, TEXT_DIM), mask))
    step = training_step(
        network, lambda: (network(x, t, conditions) - x).square().mean(), precision
    )
    flops = 3 * batch * count_flops(network, LATENTS, TEXT_TOKENS)
    return Runner("kinema DiT", network, step, flops)


def wan(batch: int, patch: int, depth: int, way: str) -> Runner:
    """diffusers' Wan, of the same width, heads and MLP; `way`: "fp32", "bf16", "bf16 weights"."""
    network = WanTransformer3DModel(
        patch_size=(1, patch, patch), num_attention_heads=4, attention_head_dim=64, in_channels=16,
        out_channels=16, text_dim=TEXT_DIM, ffn_dim=1024, num_layers=depth,
    )  # fmt: skip
    dtype = torch.bfloat16 if way == "bf16 weights" else torch.float32
    network = nn.Module.to(network, dtype)
    x, t = torch.randn(batch, *LATENTS, dtype=dtype), torch.randint(0, 1000, (batch,))
    text = torch.randn(batch, TEXT_TOKENS, TEXT_DIM, dtype=dtype)

    def loss() -> Tensor:
        return (network(x, t, text, return_dict=False)[0] - x).float().square().mean()

    flops = 3 * forward_flops(network, x, t, text)
    step = training_step(network, loss, "bf16" if way == "bf16" else "fp32")
    return Runner(f"Wan, {depth} layers, {way}", network, step, flops)


def race(
    runners: list[Runner], rounds: int, dtype: torch.dtype
) -> tuple[list[float], list[list[float]]]:
    """Ceilings of a type, and seconds a step of every runner, round by round."""
    for runner in runners:
        runner.step()
    ceilings, seconds = [], []
    for _ in range(rounds):
        ceilings.append(ceiling(dtype))
        seconds.append([timed(runner.step) for runner in runners])
    return ceilings, seconds


def table(batch: int, patch: int, options: argparse.Namespace, dtype: torch.dtype) -> list[str]:
    """The lines of one shape."""
    depth, precision = options.depth, options.precision
    ours = our_dit(batch, patch, depth, precision)
    # Wan shares one modulation among its layers: equal parameters make it deeper
    equal = min(range(depth, 2 * depth), key=lambda n: abs(wan_size(n, patch) - ours.parameters))
    ways = ("bf16", "bf16 weights") if precision == "bf16" else ("fp32",)
    runners = [ours] + [
        wan(batch, patch, layers, way) for layers in sorted({depth, equal}) for way in ways
    ]
    ceilings, seconds = race(runners, options.rounds, dtype)
    tokens = LATENTS[1] * LATENTS[2] * LATENTS[3] // patch**2
    lines = [
        f"\n{tokens} tokens, batch {batch}, {precision} ceiling {median(ceilings) / 1e9:.0f} "
        f"GFLOP/s ({torch.get_num_threads()} threads), {options.rounds} rounds\n",
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


def attention_table(rounds: int, dtype: torch.dtype) -> list[str]:
    """Forward and backward of 8192 tokens in sequences of several lengths, 4 heads of 64."""
    lines = [
        f"\nAttention alone, forward and backward, 8192 tokens, 4 heads of 64, {rounds} rounds\n",
        "| sequence x batch | torch's, ms | ours, ms | ours is faster by |",
        "|---|---|---|---|",
    ]
    for length in (16, 64, 144, 256, 576, 1024):
        batch = 8192 // length
        q, k, v = (torch.randn(batch, 4, length, 64).to(dtype).requires_grad_() for _ in "qkv")
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
    return wan(1, patch, depth, "fp32").parameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=6, help="layers of our DiT")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved measurements")
    add_options(parser)
    options = parser.parse_args()
    dtype = apply_options(options)
    command = " ".join(["python benchmarks/training_speed.py", *sys.argv[1:]])
    told = conditions_of_run(options.precision)
    lines = ["# Training speed", "", f"`{command}`", "", NOTE, "", told]
    for batch, patch in ((16, 2), (4, 1)):
        lines += table(batch, patch, options, dtype)
    lines += attention_table(options.rounds, dtype)
    page_of("training_speed", options.precision).write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
