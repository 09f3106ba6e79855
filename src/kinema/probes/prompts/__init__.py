"""`kinema probe prompts`: does the video show what the prompt says, and do its frames agree?"""

from kinema.probes.prompts.probe import PromptFindings, PromptProbe, measure_prompts
from kinema.probes.prompts.report import report_of
from kinema.reports import Report

__all__ = ["PromptFindings", "PromptProbe", "measure_prompts", "report_of", "run"]


def run(probe: PromptProbe) -> Report:
    """Report what the probe finds."""
    return report_of(measure_prompts(probe))
