"""`kinema probe prompts`: does the video show what the prompt says, and do its frames agree?"""

from kinema.fields import Count, Level, Name, Seed
from kinema.probes.prompts.probe import PromptFindings, PromptProbe, measure_prompts
from kinema.probes.prompts.report import report_of
from kinema.reports import check_page

__all__ = ["PromptFindings", "PromptProbe", "measure_prompts", "report_of", "run"]


def run(
    model: Name = "tabletop",
    num_prompts: Count = 200,
    level: Level = 2,
    seed: Seed = 0,
    num_consistency: int = 24,
    num_steps: Count | None = None,
    guidance_scale: float | None = None,
    report: Name | None = None,
) -> None:
    """Measure whether a model's videos show what their prompts say, and whether frames agree.

    Args:
        model: a system that ships, a folder, or a repository of the hub.
        num_prompts: prompts of seen combinations of attributes, and as many of held-out ones.
        level: of the tabletop world that the prompts are drawn from, 1 to 4.
        seed: of the prompts and of the videos.
        num_consistency: held-out prompts that are also sampled frame by frame; 0 leaves out whether
            frames agree.
        num_steps: sampling steps; the model's own unless given.
        guidance_scale: the model's own unless given.
        report: a Markdown file to write, with .json and .png beside it.

    Raises:
        UserError: for a model that is not there, or numbers that make no sense.
    """
    check_page(report)
    probe = PromptProbe(model, num_prompts, level, seed, num_consistency, num_steps, guidance_scale)
    report_of(measure_prompts(probe)).publish(report)
