"""`python -m studies.scaling`: what does the error of mechanics fall with?

With samples seen, the size of the network, the different clips to learn from, and who attends to
whom: each arm is the recipe of a law with one thing changed, trained to the same samples.
"""

from collections.abc import Sequence
from pathlib import Path

from kinema.errors import UserError
from kinema.reports import Report, check_page
from studies.scaling.arms import ARMS, Arm, chosen_arms
from studies.scaling.probe import Scaling, measure_scaling
from studies.scaling.report import report_of

__all__ = ["ARMS", "Arm", "Scaling", "measure_scaling", "report_of", "run"]


def run(
    law: str = "uniform",
    arms: Sequence[str] = (),
    folder: str = "runs/scaling",
    num_samples: int = 8_000,
    num_clips: int = 128,
    report: str | None = None,
) -> None:
    """Train the recipe of a law and its arms on as many clips, and measure their velocity errors.

    Args:
        law: "uniform", "parabola", "collision", "box" or "curtain".
        arms: their names; all of them if empty; "measured" trains nothing and shows what is there.
        folder: of the runs; what is finished there is not done again, what was interrupted goes on.
        num_samples: clips that every arm sees.
        num_clips: unseen scenes that are scored, in distribution, out of it and at the edges.
        report: a Markdown file to write from all arms measured so far, with plots in .png and a
            folder of records, ARM.json, beside it. Records that lie there already, from another
            session or machine, are taken up too.

    Raises:
        UserError: for an unknown law or arm, or numbers that make no sense.
    """
    check_page(report)
    scaling = Scaling(Path(folder), law, num_samples, num_clips)
    if report:
        scaling.published = Path(report).with_suffix("")
    measured(scaling, chosen_arms(tuple(arms))).publish(report)


def measured(scaling: Scaling, names: list[str]) -> Report:
    """Train and score the named arms, telling each as it is done; returns the report.

    Raises:
        UserError: if nothing is measured, or as `measure_scaling` does.
    """
    records, baselines = measure_scaling(scaling, names)
    if not records:
        raise UserError(f"No arm is measured in {scaling.folder} yet: name some with --arms.")
    return report_of(records, baselines, scaling)
