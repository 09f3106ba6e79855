"""`kinema probe consistency`: do things stay what they are?"""

from kinema.probes.consistency.probe import (
    ConsistencyFindings,
    ConsistencyProbe,
    measure_consistency,
)
from kinema.probes.consistency.report import report_of
from kinema.reports import Report

__all__ = ["ConsistencyFindings", "ConsistencyProbe", "measure_consistency", "report_of", "run"]


def run(probe: ConsistencyProbe) -> Report:
    """Report what the probe finds."""
    return report_of(measure_consistency(probe))
