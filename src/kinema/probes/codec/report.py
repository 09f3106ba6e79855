"""What the probe of a codec found: the table, and pictures of clips and of the error in time."""

from dataclasses import asdict
from typing import Any

import numpy as np

from kinema.clips import sheet_png
from kinema.probes.codec.probe import CodecFindings
from kinema.probes.codec.scores import BITS_OF_A_LATENT, CodecScores, Seams
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.pictures import new_figure, plot_png
from kinema.reports.words import plus_minus

COLUMNS = {"PSNR, dB": ("psnr", 2), "SSIM": ("ssim", 4), "flicker added": ("flicker", 3),
           "warping added": ("warping", 3), "motion kept": ("motion", 3),
           "at seams": ("seams", 2)}  # fmt: skip
NOTE = """
The figures are means over clips, with 95 % intervals. *Flicker added* is the mean absolute change
of the coding error from frame to frame, in gray levels of 255. *Warping added* is the warping
error of the coded clip along the motion of the true clip, less that of the true clip, in gray
levels; blur lowers it. *Motion kept* is the share of the true change from frame to frame that is
still there. *At seams* is the flicker where a latent frame of the codec begins, divided by the
flicker elsewhere. *Values* are the pixel values for each latent value. *Bits* are the same with
{bits}-bit latents. The baselines that need no training keep as many values as the codec.
""".strip()
SEAMS_NOTE = """
Left: the energy of the coding error over temporal frequency. What stands still is at 0. An error
that every latent frame makes anew is at multiples of the dotted frequency. Right: the change of the
error from frame to frame. The dotted lines are where a latent frame begins.
""".strip()


def score_table(scores: dict[str, CodecScores]) -> Rows:
    """Make a row a coding, each mean with half its 95 % interval."""
    rows = [[f"n = {len(next(iter(scores.values())).psnr)}", *COLUMNS, "values", "bits"]]
    for name, row in scores.items():
        cells = [plus_minus(getattr(row, figure), digits) for figure, digits in COLUMNS.values()]
        bits = row.bits if name != "identity" else 1
        rows.append([name, *cells, f"{row.values:.1f}x", f"{bits:.1f}x"])
    return rows


def report_of(findings: CodecFindings) -> Report:
    """Return the report: the table, a contact sheet, and the seams of clips of several frames."""
    found = findings
    labels = ["true", "coded"] * (len(found.shown) // 2)
    parts: list[Table | Picture] = [
        Table(f"Coding {found.source}", score_table(found.scores)),
        Picture("true and coded clips in turn", lambda: sheet_png(found.shown, labels)),
    ]
    if found.seams and len(next(iter(found.seams.values())).flicker):
        parts.append(
            Picture(
                "the error of coding in time",
                lambda: draw_seams(found.seams, found.period),
                note=SEAMS_NOTE,
                ending="-seams",
            )
        )
    return Report(
        "What coding does to a clip",
        command_line("kinema probe codec", asdict(found.probe)),
        NOTE.format(bits=BITS_OF_A_LATENT),
        parts,
        record_of(found),
    )


def record_of(findings: CodecFindings) -> dict[str, Any]:
    """Return the figures of every clip, and the errors in time, by coding."""
    record = {name: dict(vars(row)) for name, row in findings.scores.items()}
    for name, seam in findings.seams.items():
        record[name] |= {f"{part}_over_time": v.tolist() for part, v in vars(seam).items()}
    return record


def draw_seams(seams: dict[str, Seams], period: int) -> bytes:
    """Draw spectrum and flicker of the error, a line a coding; returns a PNG."""
    figure = new_figure(11, 4)
    left, right = figure.subplots(1, 2)
    for name, seam in seams.items():
        num_frames = len(seam.flicker) + 1
        left.semilogy(np.arange(len(seam.spectrum)) / num_frames, seam.spectrum, label=name)
        right.plot(np.arange(1, num_frames), seam.flicker, label=name)
    if period > 1:
        for multiple in range(1, period // 2 + 1):
            left.axvline(multiple / period, color="0.7", linestyle=":")
        for start in range(1, num_frames, period):
            right.axvline(start, color="0.85", linestyle=":", zorder=0)
    left.set(xlabel="cycles a frame", ylabel="energy of the error, gray levels squared")
    right.set(xlabel="frame", ylabel="change of the error, gray levels", ylim=(0, None))
    left.legend(frameon=False, fontsize="small")
    return plot_png(figure)
