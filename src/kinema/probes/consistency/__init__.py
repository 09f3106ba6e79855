"""`kinema probe consistency`: do things stay what they are?"""

from collections.abc import Sequence

from kinema.fields import Count, Level, Name, Seed
from kinema.probes.consistency.probe import (
    ConsistencyFindings,
    ConsistencyProbe,
    measure_consistency,
)
from kinema.probes.consistency.report import report_of
from kinema.reports import check_page

__all__ = [
    "ConsistencyFindings",
    "ConsistencyProbe",
    "measure_consistency",
    "report_of",
    "run",
]


def run(
    files: Sequence[str] = (),
    model: Name = "tabletop",
    num_clips: Count = 24,
    level: Level = 2,
    seed: Seed = 0,
    planar: bool = False,
    report: Name | None = None,
) -> None:
    """Measure whether things stay what they are and obey physics, beside true renders.

    Args:
        files: videos, or folders of them; without any, the model's videos are probed.
        model: a system that ships, a folder, or a repository of the hub.
        num_clips: videos to make, true renders beside them, and clips with each broken law.
        level: of the tabletop world that prompts and renders are drawn from, 1 to 4.
        seed: of the scenes and of the videos.
        planar: the files show things in one plane, such as discs on paper, which never overlap.
        report: a Markdown file to write, with .json beside it.

    Raises:
        UserError: for files that cannot be read or a model that is not there, or no clip at all.
    """
    check_page(report)
    probe = ConsistencyProbe(files, model, num_clips, level, seed, planar)
    report_of(measure_consistency(probe)).publish(report)
