"""The ladder: does temporal attention stop flicker, and what does each other way cost?

The same clips, the same trainer, the same samples seen and then the same minutes: only the network
differs, from frame by frame upward. Every score stands above its floor and beside the motion.
"""

from collections.abc import Sequence
from pathlib import Path

from kinema.errors import UserError
from kinema.reports import Report, check_page
from studies.ladder.arms import ARMS, TRACKS, Arm, chosen_arms
from studies.ladder.climber import Climber, Ladder, climb_all
from studies.ladder.report import report_of

__all__ = ["ARMS", "TRACKS", "Arm", "Ladder", "run"]


def run(
    arms: Sequence[str] = (),
    folder: str = "runs/ladder",
    size: str = "tiny",
    num_samples: int = 3_072,
    minutes: float = 1.0,
    seeds: int = 2,
    num_clips: int = 12,
    report: str | None = None,
) -> None:
    """Train every way of joining frames on the same clips, and measure what each reaches and costs.

    Args:
        arms: names of arms or of tracks (short, long, fast); all of them if empty; "measured"
            trains nothing and shows what is there.
        folder: of the runs; what is finished there is not done again, what was interrupted goes on.
        size: of every network: tiny, small, base, large, xl.
        num_samples: clips that every arm sees, in the first column.
        minutes: how long every arm trains, in the second column.
        seeds: runs of each arm and column.
        num_clips: unseen scenes that are scored.
        report: a Markdown file to write from all arms measured so far, with plots in .png and a
            folder of records, ARM.json, beside it. Records that lie there already, from another
            session or machine, are taken up too.

    Raises:
        UserError: for an unknown arm or size, or numbers that make no sense.
    """
    check_page(report)
    ladder = Ladder(Path(folder), size, num_samples, minutes, seeds, num_clips)
    if report:
        ladder.published = Path(report).with_suffix("")
    climb(ladder, chosen_arms(tuple(arms))).publish(report)


def climb(ladder: Ladder, names: list[str]) -> Report:
    """Train, sample and score the named arms, telling each as it is done; returns the report.

    Raises:
        UserError: if nothing is measured.
    """
    for name in names:
        ARMS[name].config(ladder.size)  # a wrong size is told before the first step
    climber = Climber(ladder)
    records = climb_all(climber, names)
    if not records:
        raise UserError(f"No arm is measured in {ladder.folder} yet: name some with --arms.")
    tracks = [track for track in TRACKS if any(ARMS[name].track == track for name, _, _ in records)]
    floors = {track: climber.floor(track) for track in tracks}
    return report_of(records, floors, ladder)
