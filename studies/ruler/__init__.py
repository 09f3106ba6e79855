"""`python -m studies.ruler`: which metric notices which fault, and which is blind?

Every clip is corrupted in every way at three strengths and re-encoded harmlessly; every metric is
taken of each. Thresholds are fitted on one half of the worlds and files and judged on the other.
"""

from collections.abc import Sequence

from kinema.checks.files import video_files
from kinema.errors import UserError
from kinema.reports import check_page
from studies.ruler.report import report_of
from studies.ruler.sources import Source, excerpts_of
from studies.ruler.specimens import examine_all, load_specimens, save_specimens
from studies.ruler.summary import summarize

__all__ = ["run"]


def run(
    files: Sequence[str] = (),
    *,
    num_worlds: int = 8,
    num_graded: int = 4,
    excerpts: int = 1,
    seed: int = 0,
    report: str = "docs/results/metrics.md",
    cache: str | None = None,
    jobs: int = 2,
) -> None:
    """Test every metric against every corruption, and write a table and a heat map.

    Args:
        files: videos of your own, or folders of them.
        num_worlds: how many tabletop clips to render.
        num_graded: how many of the clips are taken through all three strengths, the others only
            through the usual one.
        excerpts: stretches of 20 frames to take of each file, where it is long enough.
        seed: of the first world and of the first clip's corruptions, counting up; excerpts begin so
            many frames later in each shot. Another seed takes other clips, and so tells what a rule
            is worth on clips on which it was not chosen.
        report: the Markdown file to write, with a heat map .png beside it.
        cache: a JSON file that keeps the vectors, so that a run can go on where it stopped.
        jobs: worker processes.

    Raises:
        UserError: for files that cannot be read, or too few of them.
    """
    check_page(report)
    sources = [Source(f"tabletop {s}", seed=s) for s in range(seed, seed + num_worlds)]
    for path in video_files(list(files)) if files else []:
        sources += excerpts_of(path, excerpts, seed)
    if len({source.path or source.seed for source in sources}) < 4:
        raise UserError(
            "The ruler needs at least 4 worlds or files: two to fit thresholds, two to test."
        )
    specimens = load_specimens(cache)
    for specimen in examine_all(sources, num_graded, specimens, jobs, seed):
        specimens[specimen.name] = specimen
        save_specimens(cache, specimens)
        print(f"{len(specimens)} of {len(sources)}: {specimen.name}", flush=True)
    options = {
        "files": files, "num_worlds": num_worlds, "num_graded": num_graded, "excerpts": excerpts,
        "seed": seed,
    }  # fmt: skip
    found = summarize([specimens[source.name] for source in sources])
    report_of(found, options).publish(report)
