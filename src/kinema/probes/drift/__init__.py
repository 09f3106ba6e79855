"""`kinema probe drift`: what is left of a video after a thousand frames, by every strategy."""

from collections.abc import Sequence

from kinema.probes.drift.probe import Contenders, DriftProbe, Maker, measure_drift
from kinema.probes.drift.report import show, write
from kinema.reports.tables import markdown, print_table

__all__ = [
    "Contenders",
    "DriftProbe",
    "Maker",
    "markdown",
    "measure_drift",
    "print_table",
    "run",
    "show",
    "write",
]

LONG = ("sliding", "crossfade", "rolling", "autoregressive", "keyframes", "blend")


def run(
    models: Sequence[str] = (),
    strategies: Sequence[str] = LONG,
    num_frames: int = 1000,
    num_clips: int = 8,
    world: str = "tabletop",
    num_steps: int | None = None,
    folder: str = "drift",
    report: str | None = None,
) -> None:
    """How videos drift from their opening, beside the true continuation.

    Args:
        models: systems, for instance the same one after each stage of training; the one of the
            world unless given: tabletop, or physics-box.
        strategies: names, as `kinema generate --long` takes them.
        num_frames: of each video, the opening included.
        num_clips: videos of each model and strategy.
        world: that the openings are drawn from: "tabletop", "tabletop-2" to "-4" for its other
            levels, whose things come to rest after some seconds; or "box", whose disc never does.
        num_steps: sampling steps; the system's own unless given.
        folder: receives the videos; those that are there from an earlier run are not made again.
        report: a Markdown file to write, with .json and .png beside it.

    Raises:
        UserError: for numbers that make no sense, or models that cannot be read.
    """
    probe = DriftProbe(
        tuple(models), tuple(strategies), num_frames, num_clips, world, num_steps, folder
    )
    findings = measure_drift(probe)
    show(findings)
    if report:
        for path in write(findings, report):
            print(f"wrote {path}")
