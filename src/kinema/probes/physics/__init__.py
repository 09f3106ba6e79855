"""`kinema probe physics`: does a model go on as mechanics would, in and out of distribution?"""

from pathlib import Path

from kinema.errors import UserError
from kinema.probes.physics.probe import (
    Judged,
    PhysicsFindings,
    PhysicsProbe,
    measure_physics,
)
from kinema.probes.physics.published import PUBLISHED
from kinema.probes.physics.report import show, write
from kinema.worlds.discs import LAWS

__all__ = [
    "Judged",
    "PhysicsFindings",
    "PhysicsProbe",
    "measure_physics",
    "run",
    "show",
    "write",
]


def run(
    law: str = "all",
    model: str | None = None,
    num_clips: int = 256,
    given: int = 3,
    num_steps: int | None = None,
    seed: int = 0,
    report: str | None = None,
) -> None:
    """Velocity errors of predicted disc clips, beside floor, baselines and published figures.

    In a box the mean |velocity| along x and along y is compared with that of the true positions in
    the same frames. With a curtain these are the frames in which the whole true disc is seen and a
    disc of its colour is read, clear of the curtain; clips whose given frames do not show the whole
    disc are left out.

    Args:
        law: "uniform", "parabola" or "collision", "all" of these; or "box" and "curtain", of which
            nothing is published.
        model: a system that ships, a folder, or a repository of the hub; physics-LAW unless given.
        num_clips: in distribution, and as many out of it.
        given: frames that are given.
        num_steps: sampling steps; the model's own unless given.
        seed: of the scenes and of the samples.
        report: a Markdown file to write, with .json and .png beside it.

    Raises:
        UserError: for an unknown law, a model that is not there, or numbers that make no sense.
    """
    laws = list(PUBLISHED) if law == "all" else [law]
    if law not in (*LAWS, "all"):
        raise UserError(f"law is {law!r}: it is one of {', '.join(LAWS)}, or all.")
    if model is not None and law == "all":
        raise UserError("a model knows one law: name it with --law beside --model.")
    found = []
    for name in laws:
        probe = PhysicsProbe(name, model or f"physics-{name}", num_clips, given, num_steps, seed)
        found.append(measure_physics(probe))
        show(found[-1])
    if report:
        for path in write(found, Path(report)):
            print(f"wrote {path}")
