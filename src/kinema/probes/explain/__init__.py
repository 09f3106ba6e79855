"""`kinema probe explain`: which scene of the world would look like this, and what is left over?"""

from kinema.probes.explain.probe import ExplainFindings, ExplainProbe, measure_explain
from kinema.probes.explain.report import report_of
from kinema.reports import Report

__all__ = ["ExplainFindings", "ExplainProbe", "measure_explain", "report_of", "run"]


def run(probe: ExplainProbe) -> Report:
    """Report what the probe finds."""
    return report_of(measure_explain(probe))
