"""`python -m studies.scaling`: what does the error of mechanics fall with?

With samples seen, the size of the network, the different clips to learn from, and who attends to
whom: each arm is the recipe of a law with one thing changed, trained to the same samples.
"""

from kinema.errors import UserError
from kinema.reports import Report
from studies.scaling.arms import ARMS, Arm, chosen_arms
from studies.scaling.probe import Scaling, measure_scaling
from studies.scaling.report import report_of

__all__ = ["ARMS", "Arm", "Scaling", "measure_scaling", "report_of", "run"]


def run(scaling: Scaling) -> Report:
    """Train and score the arms, telling each as it is done; returns the report.

    Raises:
        UserError: for an unknown arm, if nothing is measured, or as `measure_scaling` does.
    """
    records, baselines = measure_scaling(scaling, chosen_arms(scaling.arms))
    if not records:
        raise UserError(f"No arm is measured in {scaling.folder} yet: name some with --arms.")
    return report_of(records, baselines, scaling)
