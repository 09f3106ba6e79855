"""`kinema probe codec`: what a codec loses, beside simple ways to keep as many values."""

from kinema.probes.codec.probe import CodecFindings, CodecProbe, measure_codec
from kinema.probes.codec.report import report_of
from kinema.reports import check_page

__all__ = ["CodecFindings", "CodecProbe", "measure_codec", "report_of", "run"]


def run(probe: CodecProbe) -> None:
    """Print what the probe finds, and write its report if it names one."""
    check_page(probe.report)
    report_of(measure_codec(probe)).publish(probe.report)
