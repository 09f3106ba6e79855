"""`kinema probe occlusion`: a thing passes out of sight; does it come out again as itself?"""

from collections.abc import Sequence

from kinema.errors import UserError
from kinema.probes.drift import Contenders
from kinema.probes.occlusion.probe import Survival, measure_survival
from kinema.probes.occlusion.report import show, write
from kinema.probes.occlusion.worlds import WORLDS

__all__ = ["WORLDS", "Survival", "measure_survival", "run", "show", "write"]

LONG = ("sliding", "crossfade", "rolling", "autoregressive", "keyframes", "blend")


def run(
    models: Sequence[str] = (),
    strategies: Sequence[str] = LONG,
    lengths: Sequence[int] = (8, 16, 32),
    num_clips: int = 16,
    world: str = "curtain",
    num_steps: int | None = None,
    folder: str = "drift",
    report: str | None = None,
) -> None:
    """Whether hidden objects come out again as themselves, by strategy and length.

    Args:
        models: systems, for instance the same one after each stage of training; the one of the
            world unless given: physics-curtain, or tabletop.
        strategies: names, as `kinema generate --long` takes them.
        lengths: of the occlusions, in frames.
        num_clips: videos of each model, strategy and length.
        world: "curtain", a disc behind a curtain, read exactly; or "tabletop", a subject behind
            another object, read by the judge.
        num_steps: sampling steps; the system's own unless given.
        folder: receives the videos; those that are there from an earlier run are not made again.
        report: a Markdown file to write, with .json beside it.

    Raises:
        UserError: for numbers that make no sense, an unknown world, or models that cannot be read.
    """
    if num_clips < 1 or not lengths or min(lengths) < 1:
        raise UserError("lengths and num_clips must be at least 1.")
    if world not in WORLDS:
        raise UserError(f"There is no world {world!r} to hide in: choose {' or '.join(WORLDS)}.")
    models = tuple(models) or (WORLDS[world].model,)
    contenders = Contenders(models, tuple(strategies), num_steps, folder)
    found = measure_survival(contenders, WORLDS[world](), lengths, num_clips)
    show(found)
    if report:
        asked = {
            "world": world, "models": models, "strategies": strategies, "lengths": lengths,
            "num_clips": num_clips, "num_steps": num_steps,
        }  # fmt: skip
        for path in write(found, world, asked, report):
            print(f"wrote {path}")
