"""`kinema probe attention`: where does a patch that moves at constant velocity look in time?"""

from kinema.probes.attention.probe import AttentionFindings, AttentionProbe, measure_attention
from kinema.probes.attention.report import report_of
from kinema.reports import check_page

__all__ = ["AttentionFindings", "AttentionProbe", "measure_attention", "report_of", "run"]


def run(probe: AttentionProbe) -> None:
    """Print what the probe finds, and write its report if it names one."""
    check_page(probe.report)
    report_of(measure_attention(probe)).publish(probe.report)
