"""Convolutions of a video, forward and backward: `convolve` against torch's own 3-D convolution.

    python benchmarks/convolution.py            # about a minute

Prints the table and writes it to docs/results/convolution.md, in fp32 to
docs/results/convolution_fp32.md; `measuring` tells how a processor with AVX2 only is emulated.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from measuring import add_options, apply_options, ceiling, conditions_of_run, page_of, timed
from torch import Tensor

from kinema.blocks.convolution import convolve
from kinema.blocks.precision import computing_in

KERNELS = {"in time": (3, 1, 1), "a pixel": (1, 1, 1), "in space": (1, 3, 3), "both": (3, 3, 3)}
# b f h w d: the two stages of a codec, one clip and a batch of them, and a U-Net of latents
VIDEOS = [(1, 5, 32, 32, 96), (1, 5, 16, 16, 192), (4, 3, 16, 16, 96), (4, 3, 8, 8, 192),
          (2, 9, 8, 8, 128), (16, 9, 8, 8, 128)]  # fmt: skip
NOTE = """
Features lie last in memory for both, as they do in the networks. Rounds are interleaved, and the
table quotes medians and the median of the ratios of each round; shares are of the rate of a matrix
product of 1024, measured in every round.
""".strip()


def torchs(x: Tensor, weight: Tensor) -> Tensor:
    """What `convolve` computes, by torch's own 3-D convolution."""
    padding = (0, weight.shape[3] // 2, weight.shape[4] // 2)
    return F.conv3d(x.permute(0, 4, 1, 2, 3), weight, padding=padding).permute(0, 2, 3, 4, 1)


def forward(convolution: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor) -> None:
    with torch.no_grad():
        convolution(x, weight)


def both_ways(convolution: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor) -> None:
    out = convolution(x, weight)
    torch.autograd.grad(out, (x, weight), torch.ones_like(out))


def row(name: str, video: tuple[int, ...], rounds: int, dtype: torch.dtype) -> str:
    """The line of a kernel and a video."""
    b, f, h, w, d = video
    kernel = KERNELS[name]
    x = torch.randn(b, f + kernel[0] - 1, h, w, d).to(dtype).requires_grad_()
    weight = (torch.randn(d, d, *kernel) / 10).to(dtype).requires_grad_()
    flops = 2 * kernel[0] * kernel[1] * kernel[2] * d * d * b * f * h * w
    cells = [name, " x ".join(map(str, video))]
    for way, passes in ((forward, 1), (both_ways, 3)):
        calls = [partial(way, convolution, x, weight) for convolution in (torchs, convolve)]
        for call in calls:
            call()
        measured = [(ceiling(dtype, 1024), *map(timed, calls)) for _ in range(rounds)]
        peaks, theirs, ours = zip(*measured, strict=True)
        share = median(passes * flops / s / peak for s, peak in zip(ours, peaks, strict=True))
        ratio = median(a / b for a, b in zip(theirs, ours, strict=True))
        cells += [f"{passes * flops / median(theirs) / 1e9:.0f}"]
        cells += [f"{passes * flops / median(ours) / 1e9:.0f}", f"{share:.0%}", f"{ratio:.2f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="interleaved measurements")
    add_options(parser)
    options = parser.parse_args()
    dtype = apply_options(options)
    command = " ".join(["python benchmarks/convolution.py", *sys.argv[1:]])
    heads = ["kernel", "video, b f h w d"]
    for way in ("forward", "and backward"):
        heads += [f"{way}, torch's, GFLOP/s", "ours", "of ceiling", "ours is faster by"]
    lines = [
        *("# Convolutions of a video", "", f"`{command}`", "", NOTE, ""),
        f"{options.rounds} rounds. {conditions_of_run(options.precision)}\n",
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
    ]
    with computing_in("fp32"):  # the tensors say the precision
        for name in KERNELS:
            lines += [row(name, video, options.rounds, dtype) for video in VIDEOS]
            print("\n".join(lines[-len(VIDEOS) :]), flush=True)
    page_of("convolution", options.precision).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
