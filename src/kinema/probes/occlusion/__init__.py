"""`kinema probe occlusion`: a thing passes out of sight; does it come out again as itself?"""

from collections.abc import Sequence

from kinema.errors import UserError, nearest
from kinema.fields import Count, Name
from kinema.probes.long_videos import LONG
from kinema.probes.occlusion.probe import OcclusionFindings, OcclusionProbe, measure_occlusion
from kinema.probes.occlusion.report import report_of
from kinema.probes.occlusion.worlds import WORLDS
from kinema.reports import check_page

__all__ = [
    "WORLDS",
    "OcclusionFindings",
    "OcclusionProbe",
    "measure_occlusion",
    "report_of",
    "run",
]


def run(
    models: Sequence[str] = (),
    strategies: Sequence[str] = LONG,
    lengths: Sequence[Count] = (8, 16, 32),
    num_clips: Count = 16,
    world: str = "curtain",
    num_steps: Count | None = None,
    folder: Name = "drift",
    report: Name | None = None,
) -> None:
    """Measure how often hidden objects come out again as themselves, by strategy and length.

    Args:
        models: systems, for instance the same one after each stage of training; the one of the
            world unless given: physics-curtain, or tabletop.
        strategies: names, as `kinema generate --long` takes them.
        lengths: of the occlusions, in frames.
        num_clips: videos of each model, strategy and length.
        world: "curtain", a disc behind a curtain, read exactly; or "tabletop", a subject behind
            another object, read by the judge.
        num_steps: sampling steps; the system's own unless given.
        folder: where the videos are written; a video that is there already is not made again.
        report: a Markdown file to write, with .json beside it.

    Raises:
        UserError: for numbers that make no sense, an unknown world, or models that cannot be read.
    """
    if world not in WORLDS:
        raise UserError(f"There is no world {world!r} to hide in; {nearest(world, list(WORLDS))}")
    check_page(report)
    models = tuple(models) or (WORLDS[world].model,)
    probe = OcclusionProbe(
        world, models, tuple(strategies), tuple(lengths), num_clips, num_steps, folder
    )
    report_of(measure_occlusion(probe, WORLDS[world]())).publish(report)
