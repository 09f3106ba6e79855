"""`kinema probe drift`: what is left of a video after a thousand frames, by every strategy."""

from collections.abc import Sequence

from kinema.fields import Count, Name
from kinema.probes.drift.probe import DriftFindings, DriftProbe, measure_drift
from kinema.probes.drift.report import report_of
from kinema.probes.long_videos import LONG
from kinema.reports import check_page

__all__ = ["DriftFindings", "DriftProbe", "measure_drift", "report_of", "run"]


def run(
    models: Sequence[str] = (),
    strategies: Sequence[str] = LONG,
    num_frames: Count = 1000,
    num_clips: Count = 8,
    world: str = "tabletop",
    num_steps: Count | None = None,
    folder: Name = "drift",
    report: Name | None = None,
) -> None:
    """Measure how far long videos drift from their opening, beside the true continuation.

    Args:
        models: systems, for instance the same one after each stage of training; the one of the
            world unless given: tabletop, or physics-box.
        strategies: names, as `kinema generate --long` takes them.
        num_frames: frames of each video, with the opening.
        num_clips: videos of each model and strategy.
        world: where the openings come from: "tabletop", or "tabletop-2" to "tabletop-4" for its
            other levels, whose objects come to rest after some seconds; or "box", whose disc never
            rests.
        num_steps: sampling steps; the system's own unless given.
        folder: where the videos are written; a video that is there already is not made again.
        report: a Markdown file to write, with .json and .png beside it.

    Raises:
        UserError: for numbers that make no sense, or models that cannot be read.
    """
    check_page(report)
    probe = DriftProbe(
        tuple(models), tuple(strategies), num_frames, num_clips, world, num_steps, folder
    )
    report_of(measure_drift(probe)).publish(report)
