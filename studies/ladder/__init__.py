"""The ladder: does temporal attention stop flicker, and what does each other way cost?

The same clips, the same trainer, the same samples seen and then the same minutes: only the network
differs, from frame by frame upward. Every score stands above its floor and beside the motion.
"""

from kinema.errors import UserError
from kinema.reports import Report
from studies.ladder.arms import ARMS, TRACKS, Arm, chosen_arms
from studies.ladder.climber import Climber, Ladder, climb_all
from studies.ladder.report import report_of

__all__ = ["ARMS", "TRACKS", "Arm", "Ladder", "run"]


def run(ladder: Ladder) -> Report:
    """Train, sample and score the arms, telling each as it is done; returns the report.

    Raises:
        UserError: for an unknown arm or size, or if nothing is measured.
    """
    names = chosen_arms(ladder.arms)
    for name in names:
        ARMS[name].config(ladder.size)  # a wrong size is told before the first step
    climber = Climber(ladder)
    records = climb_all(climber, names)
    if not records:
        raise UserError(f"No arm is measured in {ladder.folder} yet: name some with --arms.")
    tracks = [track for track in TRACKS if any(ARMS[name].track == track for name, _, _ in records)]
    floors = {track: climber.floor(track) for track in tracks}
    return report_of(records, floors, ladder)
