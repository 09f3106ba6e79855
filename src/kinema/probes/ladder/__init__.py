"""`kinema probe ladder`: does temporal attention stop flicker, and what does each way else cost?

The same clips, the same trainer, the same samples seen and then the same minutes: only the network
differs, from frame by frame upward. Every score stands above its floor and beside the motion.
"""

from collections.abc import Sequence
from pathlib import Path

from kinema.probes.ladder.arms import ARMS, TRACKS, Arm, chosen_arms
from kinema.probes.ladder.climber import Climber, Ladder, climb_all
from kinema.probes.ladder.report import show, write

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
        arms: names of arms or of tracks (short, long, fast); all of them if empty.
        folder: of the runs; what is finished there is not done again, what was interrupted goes on.
        size: of every network: tiny, small, base, large, xl.
        num_samples: clips that every arm sees, in the first column.
        minutes: how long every arm trains, in the second column.
        seeds: runs of each arm and column.
        num_clips: unseen scenes that are scored.
        report: a Markdown file to write, with .json and plots in .png beside it.

    Raises:
        UserError: for an unknown arm or size, or numbers that make no sense.
    """
    ladder = Ladder(Path(folder), size, num_samples, minutes, seeds, num_clips)
    climb(ladder, chosen_arms(tuple(arms)), Path(report) if report else None)


def climb(ladder: Ladder, names: list[str], report: Path | None) -> None:
    """Climb with settings of one's own; prints as it goes."""
    for name in names:
        ARMS[name].config(ladder.size)  # a wrong size is told before the first step
    climber = Climber(ladder)
    tracks = [track for track in TRACKS if any(ARMS[name].track == track for name in names)]
    floors = {track: climber.floor(track) for track in tracks}
    records = climb_all(climber, names)
    show(records, floors)
    if report:
        for path in write(records, floors, ladder, report):
            print(f"wrote {path}")
