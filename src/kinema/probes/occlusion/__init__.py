"""`kinema probe occlusion`: a thing passes out of sight; does it come out again as itself?"""

from dataclasses import replace

from kinema.errors import UserError, nearest
from kinema.probes.occlusion.probe import OcclusionFindings, OcclusionProbe, measure_occlusion
from kinema.probes.occlusion.report import report_of
from kinema.probes.occlusion.worlds import WORLDS
from kinema.reports import check_page

__all__ = [
    "WORLDS", "OcclusionFindings", "OcclusionProbe", "measure_occlusion", "report_of", "run",
]  # fmt: skip


def run(probe: OcclusionProbe) -> None:
    """Print what the probe finds, and write its report if it names one.

    Raises:
        UserError: for an unknown world, or models that cannot be read.
    """
    if probe.world not in WORLDS:
        raise UserError(
            f"There is no world {probe.world!r} to hide in; {nearest(probe.world, list(WORLDS))}"
        )
    check_page(probe.report)
    world = WORLDS[probe.world]()
    probe = replace(probe, models=probe.models or (world.model,))
    report_of(measure_occlusion(probe, world)).publish(probe.report)
