"""`kinema probe codec`: what does coding do to a clip, and is it worth more than plain arithmetic?

Clips go through the codec and back. Beside it stand baselines that need no training and spend the
same number of values: cosines, plain shrinking, and the identity, which spends them all.

Kept against true frames: PSNR, SSIM, and the flicker that coding adds, the mean absolute change of
the coding error from frame to frame in grey levels. An error that stands still adds none.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt
from pathlib import Path

import cv2
import numpy as np
import torch
from einops import einsum
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kinema import clips, codecs
from kinema.blocks.convolution import depth_to_space, space_to_depth
from kinema.codecs import Codec, Pixels
from kinema.codecs.cosine import cosine_basis, cosines
from kinema.errors import UserError
from kinema.metrics.fidelity import psnr, ssim
from kinema.video.system import SYSTEM_FILE, find_codec, read_system
from kinema.worlds import tabletop

FIRST_SEED = 2_000_000_000  # scenes that no training run draws
BITS_OF_A_LATENT, BITS_OF_A_PIXEL = 16, 8

Coding = Callable[[np.ndarray, int], np.ndarray]
"""(clip uint8 (f h w 3), how many values it may keep) -> the clip as it comes back."""


@dataclass
class CodecScores:
    """One row of the table.

    Attributes:
        values: pixel values (3 f h w) for one value kept, the mean over clips.
        psnr: dB, a figure for each clip; higher is closer.
        ssim: a figure for each clip, 1 is equal.
        flicker: grey levels added from frame to frame, for each clip; 0 is none.
    """

    values: float = 0.0
    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)

    @property
    def bits(self) -> float:
        """Compression in bits, with 16-bit latents and 8-bit pixels."""
        return self.values * BITS_OF_A_PIXEL / BITS_OF_A_LATENT


def run(
    files: Sequence[str] = (),
    model: str = "tabletop",
    num_clips: int = 64,
    num_frames: int = 33,
    size: int = 64,
    level: int = 2,
    report: str | None = None,
) -> None:
    """What coding does to clips, beside baselines that spend as many values.

    Args:
        files: videos, cut into clips of `num_frames`; without any, unseen tabletop clips.
        model: a system that ships, or a folder or repository of the hub: of a system, of a codec,
            of a pipeline or an autoencoder of diffusers.
        num_clips: at most this many.
        num_frames: length of a clip.
        size: height and width of tabletop clips; the shorter side of those from files.
        level: of the tabletop world, 1 to 4.
        report: a Markdown file to write, with .json and a contact sheet .png beside it.

    Raises:
        UserError: for a model or a file that cannot be read, or numbers that make no sense.
    """
    if min(num_clips, num_frames) < 1 or size < 11:
        raise UserError(
            f"--num-clips {num_clips}, --num-frames {num_frames} and --size {size} must be at "
            "least 1, 1 and 11."
        )
    codec = load_codec(model)
    if files:
        source, frames = ", ".join(files), clips_of_files(files, num_clips, num_frames, size)
    else:
        source = f"unseen tabletop clips of level {level}, held-out combinations"
        frames = tabletop_clips(num_clips, num_frames, size, level)
    scores = probe_codec(codec, frames)
    print_table(scores, source)
    if report:
        for path in write(codec, frames, scores, source, Path(report)):
            print(f"wrote {path}")


def probe_codec(codec: Codec, frames: Sequence[np.ndarray]) -> dict[str, CodecScores]:
    """Code every clip in every way.

    Args:
        codec: frames <-> latents.
        frames: clips, each uint8 (f h w 3), at least 11 x 11 pixels; sizes and lengths may differ.

    Returns:
        name -> scores, the codec first; the baselines keep as many values as its latents hold.
    """
    if not len(frames):
        raise UserError("There are no clips to code: give at least one.")
    codings = {"codec": through(codec), **BASELINES}
    scores = {name: CodecScores() for name in codings}
    for clip in track(frames, "Coding clips"):
        kept = prod(codec.latent_shape(*clip.shape[:3]))
        for name, coding in codings.items():
            back, row = coding(clip, kept), scores[name]
            row.psnr.append(psnr(clip, back))
            row.ssim.append(ssim(clip, back))
            row.flicker.append(flicker_added(clip, back))
            row.values += (1.0 if name == "identity" else clip.size / kept) / len(frames)
    return scores


def flicker_added(true: np.ndarray, coded: np.ndarray) -> float:
    """Mean |e_{t+1} - e_t| of the coding error e in grey levels; 0 for a single frame."""
    if len(true) < 2:
        return 0.0
    error = coded.astype(np.int16) - true
    return float(np.abs(np.diff(error, axis=0)).mean())


# The codings -------------------------------------------------------------------------------------


def through(codec: Codec) -> Coding:
    """The codec itself, a clip at a time."""

    @torch.inference_mode()
    def coding(clip: np.ndarray, kept: int) -> np.ndarray:
        latents = codec.encode(clips.to_tensor(clip)[None])
        num_frames, height, width = clip.shape[:3]
        return clips.to_frames(codec.decode(latents, num_frames, (height, width))[0])

    return coding


def cosines_of_the_clip(clip: np.ndarray, kept: int) -> np.ndarray:
    """The `kept` largest cosines of the whole clip; their places are not counted, so it is an
    upper bound for a transform codec without entropy coding."""
    x = torch.from_numpy(clip).double()
    time, down, across = (cosines(n).double() for n in clip.shape[:3])
    spectrum = einsum(x, time, down, across, "f h w c, i f, j h, k w -> i j k c")
    threshold = spectrum.abs().flatten().kthvalue(max(1, spectrum.numel() - kept + 1)).values
    spectrum[spectrum.abs() < threshold] = 0
    return to_bytes(einsum(spectrum, time, down, across, "i j k c, i f, j h, k w -> f h w c"))


def cosines_of_blocks(
    clip: np.ndarray, kept: int, block: tuple[int, int, int] = (4, 8, 8)
) -> np.ndarray:
    """The lowest cosines of every 4 x 8 x 8 block, the same ones in each: no places to store."""
    r, p, q = block
    f, h, w = clip.shape[:3]
    x = torch.from_numpy(clip).permute(3, 0, 1, 2)[None].double() - 128
    padding = (0, -w % q, 0, -h % p, r - 1, -(f - 1) % r)
    x = space_to_depth(torch.nn.functional.pad(x, padding, mode="replicate"), block)
    basis = cosine_basis(block, max(1, kept // x[0, 0].numel())).double()
    x = einsum(x, basis, basis, "b d f h w, k d, k e -> b e f h w")
    x = depth_to_space(x, block)[0, :, r - 1 : r - 1 + f, :h, :w]
    return to_bytes(x.permute(1, 2, 3, 0) + 128)


def shrunk(clip: np.ndarray, kept: int, grow: int) -> np.ndarray:
    """Every frame averaged down to its share of the values and grown again."""
    height, width = clip.shape[1:3]
    factor = sqrt(kept / clip.size)
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    down = (cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in clip)
    return np.stack([cv2.resize(frame, (width, height), interpolation=grow) for frame in down])


def to_bytes(frames: torch.Tensor) -> np.ndarray:
    return frames.round().clamp(0, 255).to(torch.uint8).numpy()


BASELINES: dict[str, Coding] = {
    "largest cosines of the clip, places free": cosines_of_the_clip,
    "lowest cosines of 4x8x8 blocks": cosines_of_blocks,
    "frames shrunk, bilinear": lambda clip, kept: shrunk(clip, kept, cv2.INTER_LINEAR),
    "frames shrunk, nearest": lambda clip, kept: shrunk(clip, kept, cv2.INTER_NEAREST),
    "identity": lambda clip, kept: clip,
}


# The clips and the codec -------------------------------------------------------------------------


def load_codec(model: str) -> Codec:
    """The codec of a system, or one by itself, ours or one of diffusers."""
    if (Path(model) / SYSTEM_FILE).is_file() and read_system(Path(model)).codec == "pixels":
        return Pixels()
    return codecs.load_codec(find_codec(model))


def tabletop_clips(num_clips: int, num_frames: int, size: int, level: int) -> list[np.ndarray]:
    """Scenes that no training draws, with combinations of attributes that none holds."""
    seeds = range(FIRST_SEED, FIRST_SEED + num_clips)
    return [
        tabletop.render([seed], num_frames, size, level, "held_out")[0].frames
        for seed in track(seeds, "Rendering unseen clips")
    ]


def clips_of_files(
    files: Sequence[str], num_clips: int, num_frames: int, side: int
) -> list[np.ndarray]:
    """Cut videos into clips, shrunk to a shorter side of `side`; a short rest is a clip too."""
    found: list[np.ndarray] = []
    for file in files:
        height, width = clips.inspect(file).height, clips.inspect(file).width
        scale = side / min(height, width)
        size = (round(height * scale), round(width * scale))
        for clip in in_pieces(clips.stream(file, size=size), num_frames):
            if len(found) == num_clips:
                return found
            found.append(clip)
    return found


def in_pieces(frames: Iterator[np.ndarray], num_frames: int) -> Iterator[np.ndarray]:
    piece: list[np.ndarray] = []
    for frame in frames:
        piece.append(frame)
        if len(piece) == num_frames:
            yield np.stack(piece)
            piece = []
    if piece:
        yield np.stack(piece)


# The report --------------------------------------------------------------------------------------


def table(scores: dict[str, CodecScores]) -> list[list[str]]:
    """Header and rows of text, each mean with half its 95 % interval."""
    n = len(next(iter(scores.values())).psnr)
    header = [f"n = {n}", "PSNR, dB", "SSIM", "flicker added", "values", "bits"]
    rows = [
        [
            name,
            with_interval(row.psnr, 2),
            with_interval(row.ssim, 4),
            with_interval(row.flicker, 3),
            f"{row.values:.1f}x",
            f"{row.bits if name != 'identity' else 1:.1f}x",
        ]
        for name, row in scores.items()
    ]
    return [header, *rows]


def with_interval(figures: Sequence[float], digits: int) -> str:
    """The mean +- 1.96 standard errors; no interval for a single clip, or where it is infinite."""
    mean = float(np.mean(figures))
    if len(figures) < 2 or not np.isfinite(mean):
        return f"{mean:.{digits}f}"
    half = 1.96 * float(np.std(figures, ddof=1)) / sqrt(len(figures))
    return f"{mean:.{digits}f} +- {half:.{digits}f}"


def print_table(scores: dict[str, CodecScores], source: str) -> None:
    header, *rows = table(scores)
    printed = Table(title=f"Coding {source}")
    for i, name in enumerate(header):
        printed.add_column(name, justify="left" if i == 0 else "right")
    for row in rows:
        printed.add_row(*row)
    console = Console()
    console.width = max(console.width, 120)  # a table that wraps its cells cannot be read
    console.print(printed)


def write(
    codec: Codec,
    frames: Sequence[np.ndarray],
    scores: dict[str, CodecScores],
    source: str,
    path: Path,
) -> list[Path]:
    """Write the page, the figures of every clip as JSON, and true and coded clips as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet, coding = path.with_suffix(".png"), through(codec)
    pairs = [shown for clip in frames[:4] for shown in (clip, coding(clip, 0))]
    clips.contact_sheet(pairs, sheet, ["true", "coded"] * (len(pairs) // 2))
    record = {name: vars(row) for name, row in scores.items()}
    figures = path.with_suffix(".json")
    clips.write_bytes(figures, (json.dumps(record, indent=2) + "\n").encode())
    clips.write_bytes(path, page(scores, source, sheet.name).encode())
    return [path, figures, sheet]


def page(scores: dict[str, CodecScores], source: str, sheet: str) -> str:
    """The table in Markdown, and what its columns mean."""
    header, *rows = (f"| {' | '.join(row)} |" for row in table(scores))
    parts = [
        "# What coding does to a clip",
        f"Clips: {source}. Means over clips, with 95 % intervals. Flicker: mean absolute change of "
        "the coding error from frame to frame, in grey levels of 255. Values: pixel values for one "
        f"latent value; bits: the same with {BITS_OF_A_LATENT}-bit latents. The baselines keep as "
        "many values as the codec.",
        "\n".join([header, "|---" * 6 + "|", *rows]),
        f"![true and coded clips in turn]({sheet})",
    ]
    return "\n\n".join(parts) + "\n"
