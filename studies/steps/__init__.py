"""`python -m studies.steps`: how many steps, and how much guidance?

The same prompts and the same noise, sampled with every number of steps and every guidance scale.
The table says what each costs and what it gives, so that the defaults of a system are chosen and
not guessed.
"""

from kinema.reports import Report
from studies.steps.probe import FLOORS, Arm, Record, Study, measure_all
from studies.steps.report import report_of

__all__ = ["FLOORS", "Arm", "Record", "Study", "measure_all", "report_of", "run"]


def run(study: Study) -> Report:
    """Report what every number of steps and every guidance scale gives, and what it costs."""
    return report_of(study, measure_all(study))
