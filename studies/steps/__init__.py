"""`python -m studies.steps`: how many steps, and how much guidance?

The same prompts and the same noise, sampled with every number of steps and every guidance scale.
The table says what each costs and what it gives, so that the defaults of a system are chosen and
not guessed.
"""

from collections.abc import Sequence
from pathlib import Path

from kinema.errors import UserError
from kinema.reports import check_page
from studies.steps.probe import FLOORS, Arm, Record, Scenes, measure_all
from studies.steps.report import report_of

__all__ = ["FLOORS", "Arm", "Record", "Scenes", "measure_all", "report_of", "run"]


def run(
    model: str = "tabletop",
    level: int = 1,
    num_prompts: int = 200,
    num_steps: Sequence[int] = (1, 2, 4, 8, 16, 30),
    guidance: Sequence[float] = (1.0, 1.5, 2.0, 3.0, 4.0),
    seed: int = 0,
    folder: str = "runs/steps",
    report: str | None = None,
) -> None:
    """Sample held-out prompts with every number of steps and every guidance scale, and score all.

    Args:
        model: a system that ships, a folder, or a repository of the hub.
        level: of the tabletop world that the prompts are drawn from, 1 to 4.
        num_prompts: held-out prompts, each with one clip an arm.
        num_steps: numbers of steps.
        guidance: guidance scales; 1 is without guidance, for half the calls of the network.
        seed: of the prompts and of the noise.
        folder: of the records; what is measured there is not measured again.
        report: a Markdown file to write, with .json beside it.

    Raises:
        UserError: if no number of steps, guidance scale or prompt is left.
    """
    if not num_steps or not guidance or num_prompts < 16:
        raise UserError(
            "This study needs a number of steps, a guidance scale and at least 16 prompts: change "
            f"--num-steps {list(num_steps)}, --guidance {list(guidance)} or --num-prompts "
            f"{num_prompts}."
        )
    check_page(report)
    scenes = Scenes(model, level, num_prompts, seed)
    arms = [Arm(steps, scale) for steps in num_steps for scale in guidance]
    records = measure_all(scenes, arms, Path(folder))
    report_of(scenes, records, folder).publish(report)
