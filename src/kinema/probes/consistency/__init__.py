"""`kinema probe consistency`: do things stay what they are?"""

from kinema.probes.consistency.probe import (
    ConsistencyFindings,
    ConsistencyProbe,
    measure_consistency,
)
from kinema.probes.consistency.report import report_of
from kinema.reports import check_page

__all__ = ["ConsistencyFindings", "ConsistencyProbe", "measure_consistency", "report_of", "run"]


def run(probe: ConsistencyProbe) -> None:
    """Print what the probe finds, and write its report if it names one."""
    check_page(probe.report)
    report_of(measure_consistency(probe)).publish(probe.report)
