"""`kinema probe attention`: where does a patch that moves at constant velocity look in time?"""

from pathlib import Path

from kinema.errors import UserError
from kinema.probes.attention.probe import AttentionProbe, measure_attention
from kinema.probes.attention.report import show, write

__all__ = ["AttentionProbe", "measure_attention", "run"]


def run(
    model: str = "tabletop",
    num_clips: int = 32,
    size: int = 64,
    noise: float = 0.5,
    seed: int = 0,
    report: str | None = None,
) -> None:
    """Where a moving subject looks in other frames: along its true track, or at its old place?

    Args:
        model: a system that ships, a folder, or a repository of the hub.
        num_clips: scenes with one subject that crosses the picture at constant velocity.
        size: height and width of the clips.
        noise: the noise level at which the network is asked, above 0 and at most 1.
        seed: of the scenes and of the noise.
        report: a Markdown file to write, with a picture .png of the same name.

    Raises:
        UserError: for a model without spacetime attention, or numbers that make no sense.
    """
    if num_clips < 2 or not 0 < noise <= 1:
        raise UserError(
            f"--num_clips {num_clips} and --noise {noise:g}: at least 2, and above 0 up to 1."
        )
    probe = AttentionProbe(model, num_clips, size, noise, seed)
    findings = measure_attention(probe)
    show(findings)
    if report:
        for path in write(findings, Path(report)):
            print(f"wrote {path}")
