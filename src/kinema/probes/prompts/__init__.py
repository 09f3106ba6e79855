"""`kinema probe prompts`: does the video show what the prompt says, and do its frames agree?"""

from pathlib import Path

from kinema.probes.prompts.probe import Findings, PromptProbe, measure_prompts
from kinema.probes.prompts.report import show, write

__all__ = ["Findings", "PromptProbe", "measure_prompts", "run", "show", "write"]


def run(
    model: str = "tabletop",
    num_prompts: int = 200,
    level: int = 2,
    seed: int = 0,
    num_consistency: int = 24,
    num_steps: int | None = None,
    guidance_scale: float | None = None,
    report: str | None = None,
) -> None:
    """Judge a model's videos against their prompts, and the agreement of their frames.

    Args:
        model: a system that ships, a folder, or a repository of the hub.
        num_prompts: from seen combinations of attributes, and as many from held-out ones.
        level: of the tabletop world the prompts are drawn from, 1 to 4.
        seed: of the prompts and of the videos.
        num_consistency: held-out prompts that are also sampled frame by frame; 0 leaves it out.
        num_steps: sampling steps; the model's own unless given.
        guidance_scale: the model's own unless given.
        report: a Markdown file to write, with .json and .png beside it.

    Raises:
        UserError: for a model that is not there, or numbers that make no sense.
    """
    probe = PromptProbe(
        model, num_prompts, level, seed, num_consistency, num_steps, guidance_scale, report
    )
    findings = measure_prompts(probe)
    show(findings)
    if report:
        for path in write(findings, Path(report)):
            print(f"wrote {path}")
