"""What `kinema probe codec` prints and writes: the table, the page, the pictures."""

import io
import json
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from kinema import clips, storage
from kinema.errors import UserError
from kinema.probes.codec.scores import BITS_OF_A_LATENT, CodecScores, Seams

COLUMNS = {"PSNR, dB": ("psnr", 2), "SSIM": ("ssim", 4), "flicker added": ("flicker", 3),
           "warping added": ("warping", 3), "motion kept": ("motion", 3),
           "at seams": ("seams", 2)}  # fmt: skip


def table(scores: dict[str, CodecScores]) -> list[list[str]]:
    """Header and rows of text, each mean with half its 95 % interval."""
    n = len(next(iter(scores.values())).psnr)
    header = [f"n = {n}", *COLUMNS, "values", "bits"]
    rows = [
        [
            name,
            *(with_interval(getattr(row, figure), digits) for figure, digits in COLUMNS.values()),
            f"{row.values:.1f}x",
            f"{row.bits if name != 'identity' else 1:.1f}x",
        ]
        for name, row in scores.items()
    ]
    return [header, *rows]


def with_interval(figures: Sequence[float], digits: int) -> str:
    """The mean +- 1.96 standard errors; no interval for a single clip, or where it is infinite."""
    mean = float(np.mean(figures))
    if np.isnan(mean):
        return "-"
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
    console.width = max(console.width, 160)  # a table that wraps its cells cannot be read
    console.print(printed)


def write(
    shown: list[tuple[np.ndarray, np.ndarray]],
    scores: dict[str, CodecScores],
    seams: dict[str, Seams],
    period: int,
    source: str,
    path: Path,
) -> list[Path]:
    """Write the page, all figures as JSON, and two pictures: clips, and where they flicker.

    Args:
        shown: true and coded clips.
        scores: a row for each coding.
        seams: of those codings that are drawn.
        period: frames that a latent frame stands for.
        source: of the clips, in words.
        path: the page; the other files lie beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet, figures = path.with_suffix(".png"), path.with_suffix(".json")
    rows = [clip for pair in shown for clip in pair]
    written = [path, figures, clips.contact_sheet(rows, sheet, ["true", "coded"] * len(shown))]
    drawn = ""
    if seams and len(next(iter(seams.values())).flicker):
        drawn = f"{path.stem}-seams.png"
        storage.write_bytes(path.with_name(drawn), picture_of_seams(seams, period))
        written.append(path.with_name(drawn))
    record = {name: vars(row) for name, row in scores.items()}
    for name, seam in seams.items():
        record[name] |= {f"{part}_over_time": v.tolist() for part, v in vars(seam).items()}
    storage.write_bytes(figures, (json.dumps(record, indent=2) + "\n").encode())
    storage.write_bytes(path, page(scores, source, sheet.name, drawn).encode())
    return written


def page(scores: dict[str, CodecScores], source: str, sheet: str, seams: str = "") -> str:
    """The table in Markdown, and what its columns mean."""
    header, *rows = (f"| {' | '.join(row)} |" for row in table(scores))
    parts = [
        "# What coding does to a clip",
        f"Clips: {source}. Means over clips, with 95 % intervals. Flicker: mean absolute change of "
        "the coding error from frame to frame, in grey levels of 255. Warping: warping error along "
        "the motion of the true clip, less its own, in grey levels; blur lowers it. Motion: share "
        "of the true change from frame to frame that is still there. At seams: flicker where a "
        "latent frame of the codec begins, over the flicker elsewhere. Values: pixel values for "
        f"one latent value; bits: the same with {BITS_OF_A_LATENT}-bit latents. The baselines that "
        "need no training keep as many values as the codec.",
        "\n".join([header, "|---" * (len(COLUMNS) + 3) + "|", *rows]),
        f"![true and coded clips in turn]({sheet})",
    ]
    if seams:
        parts.append(
            "Left: the energy of the coding error over temporal frequency; what stands still is at "
            "0, and an error that every latent frame makes anew at multiples of the dotted "
            "frequency. Right: its change from frame to frame; dotted lines are where a latent "
            "frame begins."
        )
        parts.append(f"![the error of coding in time]({seams})")
    return "\n\n".join(parts) + "\n"


def picture_of_seams(seams: dict[str, Seams], period: int) -> bytes:
    """Spectrum and flicker of the error, a line for each coding, as a PNG.

    Raises:
        UserError: without matplotlib.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise UserError(
            "the picture of the seams needs matplotlib: pip install -c constraints.txt .[plots]"
        ) from error
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for name, seam in seams.items():
        num_frames = len(seam.flicker) + 1
        left.semilogy(np.arange(len(seam.spectrum)) / num_frames, seam.spectrum, label=name)
        right.plot(np.arange(1, num_frames), seam.flicker, label=name)
    if period > 1:
        for multiple in range(1, period // 2 + 1):
            left.axvline(multiple / period, color="0.7", linestyle=":")
        for start in range(1, num_frames, period):
            right.axvline(start, color="0.85", linestyle=":", zorder=0)
    left.set(xlabel="cycles a frame", ylabel="energy of the error, grey levels squared")
    right.set(xlabel="frame", ylabel="change of the error, grey levels", ylim=(0, None))
    left.legend(frameon=False, fontsize="small")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return file.getvalue()
