"""Our causal video VAE against those of Wan and CogVideoX, at equal parameters: speed and PSNR.

    python benchmarks/codec.py                     # speed alone, minutes on an idle machine
    python benchmarks/codec.py --minutes 60        # and what each learns in an hour

Prints the table and writes it to docs/results/codec_speed.md, in fp32 to
docs/results/codec_speed_fp32.md; `measuring` tells how a processor with AVX2 only is emulated.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import diffusers
import numpy as np
import torch
from measuring import add_options, apply_options, ceiling, conditions_of_run, page_of, timed
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kinema.blocks.precision import computing_in
from kinema.clips import to_frames, to_tensor
from kinema.codecs import CausalVAE, CausalVAEConfig, CodecLoss, codec_loss, reconstruct
from kinema.denoisers import count_parameters
from kinema.interop import PretrainedCodec
from kinema.metrics.features.fidelity import psnr
from kinema.worlds import Rendering, tabletop

NUM_FRAMES, SIZE, CHANNELS = 17, 128, 8
POOL, UNSEEN, FAR_SEED = 256, 8, 2_000_000_000
NOTE = """
One clip of {frames} x {size} x {size}, 8x8x4 with {channels} channels, {threads} thread(s),
{rounds} interleaved rounds: every round measures the ceiling (a matrix product of 1024) and every
network once; medians, and medians of the ratios of each round to ours. In bf16 peers run in both of
their usual ways, bf16 weights and autocast, and are given the better; ours runs under autocast.
"of ceiling" is operations over time over the ceiling. Equal parameters are not equal operations:
ours folds blocks of 4x4x4 pixels into channels at the door, theirs compute on every pixel. What
that costs in quality is the column PSNR ("-": not trained, see --minutes). One thread is timed by
its own clock. {told}
""".strip()
TRAINED = """
PSNR after {minutes:g} minutes of training each on {pool} tabletop clips of {size} pixels, cut to
{crop} frames and half the size: same loss (`codec_loss`, no adversary), AdamW, decay and seed; on
{unseen} unseen clips of the full size, mean of clips. Our VAE starts as a cosine codec, as it
always does. (Wan's class cuts its output to [-1, 1], in training too.)
""".strip()


@dataclass
class Arm:
    """A codec, how it runs fastest, and what was measured of it."""

    name: str
    codec: nn.Module
    precision: str
    encode: list[float] = field(default_factory=list)  # seconds a clip
    decode: list[float] = field(default_factory=list)
    flops: tuple[float, float] = (0.0, 0.0)
    psnr: str = "-"

    @property
    def parameters(self) -> float:
        return count_parameters(self.codec) / 1e6

    def coding(self) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
        """Encoding and decoding of one clip, inputs made beforehand."""
        torch.manual_seed(0)
        frames = torch.rand(1, 3, NUM_FRAMES, SIZE, SIZE) * 2 - 1
        latents = torch.randn(1, *self.codec.latent_shape(NUM_FRAMES, SIZE, SIZE))
        return lambda: self.run(self.codec.encode, frames), lambda: self.run(
            self.codec.decode, latents
        )

    @torch.inference_mode()
    def run(self, way: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        with computing_in(self.precision):
            return way(x)


# Networks of equal size --------------------------------------------------------------------------


def ours(precision: str) -> Arm:
    torch.manual_seed(0)
    codec = CausalVAE(CausalVAEConfig(channels=CHANNELS)).eval()
    return Arm("kinema CausalVAE", codec, precision)


def wan(width: int) -> PretrainedCodec:
    torch.manual_seed(0)
    statistics = {"latents_mean": [0.0] * CHANNELS, "latents_std": [1.0] * CHANNELS}
    network = diffusers.AutoencoderKLWan(base_dim=width, z_dim=CHANNELS, **statistics)
    return PretrainedCodec(network.eval())


def cogvideox(width: int) -> PretrainedCodec:
    torch.manual_seed(0)
    network = diffusers.AutoencoderKLCogVideoX(
        block_out_channels=(width, 2 * width, 2 * width, 4 * width), latent_channels=CHANNELS,
        norm_num_groups=4, scaling_factor=1.0,
    )  # fmt: skip
    return PretrainedCodec(network.eval())


def nearest(make: Callable[[int], PretrainedCodec], parameters: float) -> PretrainedCodec:
    """The width, a multiple of 4, whose network comes nearest to so many million parameters."""
    made = (make(width) for width in range(4, 64, 4))
    return min(made, key=lambda codec: abs(count_parameters(codec) / 1e6 - parameters))


# Speed -------------------------------------------------------------------------------------------


def choose_way(arm: Arm) -> None:
    """bf16 weights if they are faster than autocast; counts operations on the way."""
    counts = []
    for way in arm.coding():
        with FlopCounterMode(display=False) as counter:
            way()
        counts.append(float(counter.get_total_flops()))
    arm.flops = (counts[0], counts[1])
    if isinstance(arm.codec, CausalVAE) or arm.precision == "fp32":
        return
    with_autocast = sum(timed(way) for way in arm.coding())
    arm.codec.network.bfloat16()
    arm.precision = "fp32"  # no autocast: the weights say it
    for way in arm.coding():
        way()
    if sum(timed(way) for way in arm.coding()) > with_autocast:
        arm.codec.network.float()
        arm.precision = "bf16"


def race(arms: list[Arm], rounds: int, dtype: torch.dtype) -> float:
    """Fill in the seconds of every arm; returns the ceiling."""
    for arm in arms:
        choose_way(arm)
    ways = [arm.coding() for arm in arms]
    ceilings = []
    for number in range(rounds):
        ceilings.append(ceiling(dtype))
        for arm, (encode, decode) in zip(arms, ways, strict=True):
            arm.encode.append(timed(encode))
            arm.decode.append(timed(decode))
        print(f"round {number + 1} of {rounds}", flush=True)
    return median(ceilings)


# What they learn ---------------------------------------------------------------------------------


def clips(first: int, count: int, split: str) -> list[np.ndarray]:
    """Tabletop clips of the full size, uint8 (f h w 3)."""
    seeds = range(first, first + count)
    return [tabletop.render([s], Rendering(NUM_FRAMES, SIZE, 2, split))[0].frames for s in seeds]


def train(codec: nn.Module, pool: list[np.ndarray], seconds: float, precision: str) -> int:
    """Train for so long by the clock of `timed`; returns the steps taken."""
    optimizer = torch.optim.AdamW(codec.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=True)
    random, spent, steps = np.random.default_rng(0), 0.0, 0
    torch.manual_seed(0)

    def step() -> None:
        picks, half = random.integers(len(pool), size=4), SIZE // 2
        corners = random.integers(half + 1, size=(4, 2))
        start = random.integers(NUM_FRAMES - 8)
        cuts = [pool[i][start : start + 9, y : y + half, x : x + half]
                for i, (y, x) in zip(picks, corners, strict=True)]  # fmt: skip
        with computing_in(precision):
            coded = reconstruct(codec, to_tensor(np.stack(cuts)))
            loss, _ = codec_loss(codec, coded, CodecLoss())
        loss.mean().backward()
        nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    while spent < seconds:
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1, (steps + 1) / 100, 2 - 2 * spent / seconds)
        spent, steps = spent + timed(step), steps + 1
    return steps


@torch.inference_mode()
def score(codec: nn.Module, unseen: list[np.ndarray]) -> float:
    """Mean PSNR of whole clips, dB."""
    return float(np.mean([psnr(c, to_frames(codec(to_tensor(c)[None])[0])) for c in unseen]))


# The page ----------------------------------------------------------------------------------------


def table(arms: list[Arm], peak: float) -> str:
    heads = ["codec", "parameters", "encode, GFLOP/frame", "ms/frame", "against ours", "of ceiling",
             "decode, GFLOP/frame", "ms/frame", "against ours", "of ceiling",
             "PSNR, dB"]  # fmt: skip
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for arm in arms:
        cells = [arm.name, f"{arm.parameters:.2f} M"]
        for what, flops in zip(("encode", "decode"), arm.flops, strict=True):
            mine, reference = getattr(arm, what), getattr(arms[0], what)
            ratio = median(a / b for a, b in zip(mine, reference, strict=True))
            share = 100 * flops / median(mine) / peak
            cells += [f"{flops / NUM_FRAMES / 1e9:.2f}", f"{1000 * median(mine) / NUM_FRAMES:.1f}"]
            cells += [f"{ratio:.2f}x", f"{share:.0f} %"]
        rows.append([*cells, arm.psnr])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def page(arms: list[Arm], peak: float, options: argparse.Namespace, told: str) -> str:
    note = NOTE.format(
        frames=NUM_FRAMES, size=SIZE, channels=CHANNELS, threads=torch.get_num_threads(),
        rounds=options.rounds, told=told,
    )  # fmt: skip
    parts = [
        "# Speed of the codecs",
        f"`{' '.join(['python benchmarks/codec.py', *sys.argv[1:]])}`",
        f"Ceiling: {peak / 1e9:.0f} GFLOP/s.",
        table(arms, peak),
        note,
    ]
    if options.minutes:
        parts.append(
            TRAINED.format(minutes=options.minutes, pool=POOL, size=SIZE, crop=9, unseen=UNSEEN)
        )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="interleaved measurements")
    parser.add_argument("--minutes", type=float, default=0.0, help="of training for each")
    add_options(parser)
    options = parser.parse_args()
    dtype = apply_options(options)
    told, arms = conditions_of_run(options.precision), [ours(options.precision)]
    for name, make in (("AutoencoderKLWan", wan), ("AutoencoderKLCogVideoX", cogvideox)):
        codec = nearest(make, arms[0].parameters)
        arms.append(Arm(f"diffusers {name}", codec, options.precision))
    if options.minutes:
        pool, unseen = clips(0, POOL, "train"), clips(FAR_SEED, UNSEEN, "held_out")
        for arm in arms:
            steps = train(arm.codec, pool, 60 * options.minutes, options.precision)
            arm.psnr = f"{score(arm.codec, unseen):.2f} ({steps:,} steps)"
            print(arm.name, arm.psnr, flush=True)
    text = page(arms, race(arms, options.rounds, dtype), options, told)
    page_of("codec_speed", options.precision).write_text(text)
    print(text)


if __name__ == "__main__":
    main()
