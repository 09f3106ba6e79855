"""`kinema probe attention`: where does a patch that moves at constant velocity look in time?"""

from kinema.probes.attention.probe import AttentionFindings, AttentionProbe, measure_attention
from kinema.probes.attention.report import report_of
from kinema.reports import Report

__all__ = ["AttentionFindings", "AttentionProbe", "measure_attention", "report_of", "run"]


def run(probe: AttentionProbe) -> Report:
    """Report what the probe finds."""
    return report_of(measure_attention(probe))
