"""`kinema probe physics`: does a model go on as mechanics would, in and out of distribution?"""

from dataclasses import replace

from kinema.probes.physics.probe import PhysicsFindings, PhysicsProbe, measure_physics
from kinema.probes.physics.published import PUBLISHED
from kinema.probes.physics.report import report_of
from kinema.reports import Report

__all__ = ["PhysicsFindings", "PhysicsProbe", "measure_physics", "report_of", "run"]


def run(probe: PhysicsProbe) -> Report:
    """Report what the probe finds of each law."""
    laws = PUBLISHED if probe.law == "all" else [probe.law]
    return report_of([measure_physics(replace(probe, law=law)) for law in laws])
