"""`python -m studies.diffusability`: how well can a denoiser learn the latents of a codec?

The spectrum of the latents says what to expect, a small transformer trained on them what happens:
its samples are decoded and scored as clips, so that codecs compare.
"""

from kinema.errors import UserError
from kinema.reports import Report
from studies.diffusability.learning import Study
from studies.diffusability.probe import DiffusabilityFindings, examine
from studies.diffusability.report import report_of

__all__ = ["DiffusabilityFindings", "Study", "examine", "report_of", "run"]


def run(study: Study) -> Report:
    """Report how well each codec's latents can be learned.

    Raises:
        UserError: for an unknown codec or size, or a codec named twice.
    """
    if len(set(study.files)) < len(study.files):
        raise UserError(f"A codec is named twice in {', '.join(study.files)}: name each once.")
    return report_of(examine(list(study.files), study), study)
