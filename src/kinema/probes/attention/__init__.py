"""`kinema probe attention`: where does a patch that moves at constant velocity look in time?"""

from kinema.fields import Count, Name, Seed, Share, Side
from kinema.probes.attention.probe import AttentionFindings, AttentionProbe, measure_attention
from kinema.probes.attention.report import report_of
from kinema.reports import check_page

__all__ = ["AttentionFindings", "AttentionProbe", "measure_attention", "report_of", "run"]


def run(
    model: Name = "tabletop",
    num_clips: Count = 32,
    size: Side = 64,
    noise: Share = 0.5,
    seed: Seed = 0,
    report: Name | None = None,
) -> None:
    """Measure whether attention follows a moving subject along its track or stays where it was.

    Args:
        model: a system that ships, a folder, or a repository of the hub.
        num_clips: scenes with one subject that crosses the picture at constant velocity.
        size: height and width of the clips, in pixels.
        noise: the noise level of the clips that the network sees, above 0 and at most 1.
        seed: of the scenes and of the noise.
        report: a Markdown file to write, with a picture .png of the same name.

    Raises:
        UserError: for a model without spacetime attention, or numbers that make no sense.
    """
    check_page(report)
    probe = AttentionProbe(model, num_clips, size, noise, seed)
    report_of(measure_attention(probe)).publish(report)
