"""What `kinema check` prints: a line a clip, a line a failure, a table of trends."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import Progress

from kinema.checks.clip_report import ClipReport
from kinema.checks.report import CheckReport
from kinema.metrics.features.embeddings import EMBEDDING_SCORES


@contextlib.contextmanager
def follow_progress(total: int, silent: bool) -> Iterator[Callable[[ClipReport], None] | None]:
    """Show a progress bar over files on stderr; None inside if silent."""
    if silent:
        yield None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking", total=total)
        yield lambda _: bar.advance(task)


def print_report(report: CheckReport) -> None:
    """Say what was found, worst first within a clip."""
    for clip in report.clips:
        print(headline(clip))
        shown = [f"{n} {clip.scores[n].value:+.3f}" for n in EMBEDDING_SCORES if n in clip.scores]
        if shown:
            print(f"    {', '.join(shown)}")
        for failure in clip.failures:
            where = spans(failure.frames)
            print(
                f"    {failure.name:9} {failure.confidence:.2f}  frames {where}  [{failure.rung}]"
            )
            print(f"              {failure.remedy}")
    for pair in report.pairs:
        reasons = ", ".join(pair.comparison.reasons)
        verdict = verdict_in_words(pair.comparison.verdict)
        print(f"{pair.file} is {verdict} {pair.against}: {reasons or '-'}")
    for file in report.unpaired:
        print(f"{file} has no counterpart of that name or prompt")
    for trend in report.trends:
        if trend.p_value < 0.05:
            low, high = trend.interval
            word = "worse" if trend.mean > 0 else "better"
            print(
                f"over {len(report.pairs)} pairs {trend.metric} is {word}: {trend.mean:+.2f} "
                f"({low:+.2f} to {high:+.2f}, p = {trend.p_value:.3f})"
            )
    for gate in report.gates:
        if not gate.passed:
            print(f"gate failed: {gate.file}: {gate.condition} ({gate.found})")


def spans(frames: list[int], most: int = 6) -> str:
    """Write frames as ranges: 3-7, 12; the first few."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    words = [f"{a}-{b}" if b > a else f"{a}" for a, b in runs[:most]]
    return ", ".join(words) + (", ..." if len(runs) > most else "")


def headline(clip: ClipReport) -> str:
    if clip.verdict == "error":
        return f"{clip.file}: not checked: {clip.error}"
    h, w = clip.size
    note = f" (reading broke off: {clip.error})" if clip.error else ""
    motion = clip.scores["motion"].value
    return (
        f"{clip.file}: {clip.verdict}, {clip.num_frames} frames of {h}x{w}, "
        f"motion {motion:.2f} %{note}"
    )


def verdict_in_words(verdict: str) -> str:
    return {"same": "the same as", "cannot tell": "not told apart from"}.get(
        verdict, f"{verdict} than"
    )
