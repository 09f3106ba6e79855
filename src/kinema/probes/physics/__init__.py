"""`kinema probe physics`: does a model go on as mechanics would, in and out of distribution?"""

from kinema.errors import UserError, nearest
from kinema.fields import Count, Name, Seed
from kinema.probes.physics.probe import PhysicsFindings, PhysicsProbe, measure_physics
from kinema.probes.physics.published import PUBLISHED
from kinema.probes.physics.report import report_of
from kinema.reports import check_page
from kinema.worlds.discs import LAWS

__all__ = ["PhysicsFindings", "PhysicsProbe", "measure_physics", "report_of", "run"]


def run(
    law: str = "all",
    model: Name | None = None,
    num_clips: Count = 256,
    given: Count = 3,
    num_steps: Count | None = None,
    seed: Seed = 0,
    report: Name | None = None,
) -> None:
    """Measure velocity errors of predicted disc clips, beside floor, baselines and Kang et al.

    In a box the mean |velocity| along x and along y is compared with that of the true positions in
    the same frames. With a curtain these are the frames that show the whole true disc, and in which
    a disc of its color is read, clear of the curtain. Clips whose given frames do not show the
    whole disc are left out.

    Args:
        law: "uniform", "parabola" or "collision"; "all" of these three; or "box" or "curtain", for
            which nothing is published.
        model: a system that ships, a folder, or a repository of the hub; physics-LAW unless given.
        num_clips: clips in distribution, and as many out of it.
        given: frames of each clip that the model is given.
        num_steps: sampling steps; the model's own unless given.
        seed: of the scenes and of the samples.
        report: a Markdown file to write, with .json and .png beside it.

    Raises:
        UserError: for an unknown law, a model that is not there, or numbers that make no sense.
    """
    if law not in (*LAWS, "all"):
        raise UserError(f"There is no law {law!r}; {nearest(law, [*LAWS, 'all'])}")
    if model is not None and law == "all":
        raise UserError("A model knows one law: name it with --law beside --model.")
    check_page(report)
    laws = list(PUBLISHED) if law == "all" else [law]
    probes = [
        PhysicsProbe(name, model or f"physics-{name}", num_clips, given, num_steps, seed)
        for name in laws
    ]
    report_of([measure_physics(probe) for probe in probes]).publish(report)
