"""How much memory coding takes: long clips as streams, large pictures in tiles.

    python benchmarks/codec_memory.py      # a few minutes on an idle core

Prints the table and writes it to docs/results/codec_memory.md.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

import kinema
from kinema.codecs import CausalVAE, TiledCodec

RESULT = Path(__file__).parent.parent / "docs" / "results" / "codec_memory.md"
SHIPPED = Path(kinema.__file__).parent / "models" / "tabletop" / "codec"
CHUNK = 4  # frames that a stream is given at a time
NOTE = """
Printed by `python benchmarks/codec_memory.py`: the codec that ships, fp32, one thread, a fresh
process for each row, in which random frames are encoded and decoded again. "Beyond the weights" is
the peak of the resident memory above what was resident once the libraries and the weights were
loaded; it holds frames, latents and all activations. A stream is given {chunk} frames at a time and
keeps neither frames nor latents. Required: 1,000 frames of 256 px within 300 MiB.
""".strip()


def frames_of(count: int, size: int, chunk: int) -> Iterator[Tensor]:
    for start in range(0, count, chunk):
        yield torch.rand(1, 3, min(chunk, count - start), size, size) * 2 - 1


def stream(codec: CausalVAE, count: int, size: int) -> int:
    """Encode and decode in chunks; the number of frames that came back."""
    latents = codec.encode_stream(frames_of(count, size, CHUNK))
    return sum(part.shape[2] for part in codec.decode_stream(latents, count, (size, size)))


def whole(codec: CausalVAE, count: int, size: int) -> int:
    (frames,) = frames_of(count, size, count)
    return codec.decode(codec.encode(frames), count, (size, size)).shape[2]


def tiled(codec: CausalVAE, count: int, size: int) -> int:
    (frames,) = frames_of(count, size, count)
    tiles = TiledCodec(codec, (256, 256))
    return tiles.decode(tiles.encode(frames), count, (size, size)).shape[2]


WAYS = {"stream": stream, "whole": whole, "tiles of 256 px": tiled}
ROWS = [
    ("stream", 100, 256),
    ("stream", 1000, 256),
    ("whole", 33, 256),
    ("whole", 5, 1024),
    ("tiles of 256 px", 5, 1024),
]


def resident(peak: bool) -> float:
    """MiB of this process in memory, now or at most so far."""
    name = "VmHWM" if peak else "VmRSS"
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(name))
    return int(line.split()[1]) / 1024


@torch.inference_mode()
def measure(way: str, count: int, size: int) -> float:
    """MiB beyond libraries and weights that one row takes."""
    torch.set_num_threads(1)
    codec = CausalVAE.from_pretrained(SHIPPED).eval()
    before = resident(peak=False)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    assert WAYS[way](codec, count, size) == count
    return resident(peak=True) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", type=int, help="measure one row in this process")
    options = parser.parse_args()
    if options.row is not None:
        print(measure(*ROWS[options.row]))
        return
    lines = ["| how | frames | size | beyond the weights, MiB |", "|---|---|---|---|"]
    for number, (way, count, size) in enumerate(ROWS):
        command = [sys.executable, __file__, "--row", str(number)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        lines.append(f"| {way} | {count} | {size} px | {float(output):.0f} |")
        print(lines[-1], flush=True)
    table = "\n".join(lines)
    RESULT.write_text(f"# Memory of the codec\n\n{table}\n\n{NOTE.format(chunk=CHUNK)}\n")
    print(f"Written to {RESULT}")


if __name__ == "__main__":
    main()
