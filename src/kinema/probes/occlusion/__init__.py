"""`kinema probe occlusion`: a thing passes out of sight; does it come out again as itself?"""

from kinema.probes.occlusion.probe import OcclusionFindings, OcclusionProbe, measure_occlusion
from kinema.probes.occlusion.report import report_of
from kinema.probes.occlusion.worlds import WORLDS
from kinema.reports import Report

__all__ = [
    "WORLDS", "OcclusionFindings", "OcclusionProbe", "measure_occlusion", "report_of", "run",
]  # fmt: skip


def run(probe: OcclusionProbe) -> Report:
    """Report what the probe finds."""
    return report_of(measure_occlusion(probe))
