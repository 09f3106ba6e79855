"""`python -m studies.diffusability`: how well can a denoiser learn the latents of a codec?

The spectrum of the latents says what to expect, a small transformer trained on them what happens:
its samples are decoded and scored as clips, so that codecs compare.
"""

from collections.abc import Sequence
from pathlib import Path

from kinema.errors import UserError
from kinema.reports import check_page
from studies.diffusability.learning import Study
from studies.diffusability.probe import DiffusabilityFindings, examine
from studies.diffusability.report import report_of

__all__ = ["DiffusabilityFindings", "Study", "examine", "report_of", "run"]


def run(
    files: Sequence[str] = ("tabletop",),
    folder: str = "runs/diffusability",
    num_samples: int = 12_000,
    seeds: int = 2,
    num_clips: int = 48,
    size: str = "tiny",
    report: str | None = None,
) -> None:
    """Train the same small transformer on the latents of each codec, and score its samples.

    Args:
        files: codecs: names of systems that ship, folders, repositories of the hub.
        folder: of the runs; what is trained there is not trained again.
        num_samples: clips that each network sees.
        seeds: networks for each codec.
        num_clips: samples of each network, and as many true clips to compare with; at least 16.
        size: of the transformer: tiny, small, base, large, xl.
        report: a Markdown file to write, with .json and a contact sheet .png beside it.

    Raises:
        UserError: for an unknown codec or size, a codec named twice, or numbers that make no sense.
    """
    if len(set(files)) < len(files):
        raise UserError(f"A codec is named twice in {', '.join(files)}: name each once.")
    check_page(report)
    study = Study(Path(folder), num_samples, seeds, num_clips, size)
    report_of(examine(list(files), study), study).publish(report)
