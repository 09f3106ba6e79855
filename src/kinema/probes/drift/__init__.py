"""`kinema probe drift`: what is left of a video after a thousand frames, by every strategy."""

from kinema.probes.drift.probe import DriftFindings, DriftProbe, measure_drift
from kinema.probes.drift.report import report_of
from kinema.reports import check_page

__all__ = ["DriftFindings", "DriftProbe", "measure_drift", "report_of", "run"]


def run(probe: DriftProbe) -> None:
    """Print what the probe finds, and write its report if it names one."""
    check_page(probe.report)
    report_of(measure_drift(probe)).publish(probe.report)
