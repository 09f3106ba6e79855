"""`kinema probe drift`: what is left of a video after a thousand frames, by every strategy?"""

from kinema.probes.drift.probe import DriftFindings, DriftProbe, measure_drift
from kinema.probes.drift.report import report_of
from kinema.reports import Report

__all__ = ["DriftFindings", "DriftProbe", "measure_drift", "report_of", "run"]


def run(probe: DriftProbe) -> Report:
    """Report what the probe finds."""
    return report_of(measure_drift(probe))
