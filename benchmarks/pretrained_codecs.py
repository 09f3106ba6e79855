"""What the autoencoders of diffusers promise, measured: lengths, causality, streams.

    python benchmarks/pretrained_codecs.py         # a minute

Small random networks of the real classes, in fp32. Prints the table and writes it to
docs/results/pretrained_codecs.md.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import diffusers
import torch
from torch import Tensor

from kinema.errors import UserError
from kinema.interop import PretrainedCodec

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "pretrained_codecs.md"
CONFIGS = json.loads((ROOT / "tests" / "interop" / "small_codecs.json").read_text())
STILLS = ("AutoencoderKL", "AutoencoderKLTemporalDecoder")
BLOCKS = 5  # latents of a clip after the first; more than the temporal tiles of any class
HEAD = [
    "class", "factors", "16 frames become", "encode prefix", "decode prefix", "encode stream",
    "decode stream",
]  # fmt: skip
NOTE = """
Small random networks of the real classes (tests/interop/small_codecs.json), fp32, one noisy clip,
{blocks} latents after the first. "16 frames become" is what the class itself returns for 16 frames;
behind kinema's contract it is always 16. The other columns are the largest difference anywhere,
over the standard deviation of what is compared. Prefix: coding the beginning of the clip against
the beginning of coding the whole, over all beginnings of whole latents; about 1e-5 is rounding, so
the class is causal, and anything else means that later frames change earlier ones. Stream: coding
in pieces against the whole; "none" where the class cannot go on where it stopped. Random weights
show which frames a network looks at, not how much a trained one minds.
""".strip()


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.std())


def own_length(name: str, codec: PretrainedCodec, frames: Tensor) -> int:
    """How many frames the class itself gives back."""
    if name in STILLS:
        return frames.shape[2]
    return codec.network(frames).sample.shape[2]


def streamed(stream: Callable[[Iterable[Tensor]], Iterable[Tensor]], x: Tensor) -> Tensor | None:
    """In chunks of 3; None if the class cannot."""
    try:
        return torch.cat(list(stream(x.split(3, dim=2))), dim=2)
    except UserError:
        return None


@torch.no_grad()
def row(name: str) -> list[str]:
    torch.manual_seed(0)
    codec = PretrainedCodec(getattr(diffusers, name)(**CONFIGS[name]).eval())
    r, p, _ = codec.factors
    frames = torch.rand(1, 3, 1 + BLOCKS * r, 2 * p, 2 * p) * 2 - 1
    latents = codec.encode(frames)
    back = codec.decode(latents)
    counts = range(1, 1 + BLOCKS)
    prefixes = [
        max(difference(codec.encode(frames[:, :, : 1 + r * (k - 1)]), latents[:, :, :k])
            for k in counts),
        max(difference(codec.decode(latents[:, :, :k]), back[:, :, : 1 + r * (k - 1)])
            for k in counts),
    ]  # fmt: skip
    streams = [streamed(codec.encode_stream, frames), streamed(codec.decode_stream, latents)]
    differences = [
        "none" if made is None else f"{difference(made, whole):.0e}"
        for made, whole in zip(streams, (latents, back), strict=True)
    ]
    own = own_length(name, codec, torch.zeros(1, 3, 16, p, p))
    factors = "x".join(map(str, codec.factors))
    return [name, factors, str(own), *(f"{d:.0e}" for d in prefixes), *differences]


def main() -> None:
    lines = [HEAD, ["---"] * len(HEAD)]
    for name in CONFIGS:
        lines.append(row(name))
        print(*lines[-1], flush=True)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    version = f"diffusers {diffusers.__version__}, `python benchmarks/pretrained_codecs.py`"
    text = f"# What pretrained codecs promise\n\n{version}\n\n{table}\n\n"
    RESULT.write_text(text + NOTE.format(blocks=BLOCKS) + "\n")
    print(f"wrote {RESULT}")


if __name__ == "__main__":
    main()
