"""`kinema probe codec`: what does a codec lose, beside simple ways to keep as many values?"""

from kinema.probes.codec.probe import CodecFindings, CodecProbe, measure_codec
from kinema.probes.codec.report import report_of
from kinema.reports import Report

__all__ = ["CodecFindings", "CodecProbe", "measure_codec", "report_of", "run"]


def run(probe: CodecProbe) -> Report:
    """Report what the probe finds."""
    return report_of(measure_codec(probe))
