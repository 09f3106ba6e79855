"""What `kinema check` prints: a line a clip, a line a failure, a table of trends."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from rich.console import Console
from rich.progress import Progress

from kinema.checks.clip_report import ClipReport
from kinema.checks.report import Checked, CheckReport, Pair
from kinema.errors import MOST_NAMES
from kinema.metrics.comparison import Change
from kinema.metrics.features.embeddings import EMBEDDING_SCORES

SIGNIFICANT = 0.05  # the p-value from which a trend is not told


@contextlib.contextmanager
def telling(total: int, silent: bool) -> Iterator[Callable[[Checked], None] | None]:
    """Print what is known of each file as soon as it is; a progress bar on stderr is below it.

    Yields:
        what to call with it; None if silent.
    """
    if silent:
        yield None
        return
    both = sys.stdout.isatty()  # else the bar would take to stderr what goes into a file
    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, redirect_stdout=both, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("checking", total=total)

        def tell(one: Checked) -> None:
            print("\n".join(lines_of(one)), flush=True)
            bar.advance(task)

        yield tell


def lines_of(one: Checked) -> Iterator[str]:
    """Yield the lines of one file: what is wrong, worst first, and what became of its pair."""
    clip = one.clip
    yield headline(clip)
    yield from (f"    {note}" for note in clip.notes)
    shown = [f"{n} {clip.scores[n].value:+.3f}" for n in EMBEDDING_SCORES if n in clip.scores]
    if shown:
        yield f"    {', '.join(shown)}"
    for failure in clip.failures:
        where = spans(failure.frames)
        yield f"    {failure.name:9} {failure.confidence:.2f}  frames {where}  [{failure.rung}]"
        yield f"              {failure.remedy}"
    if one.pair is not None:
        verdict = verdict_in_words(one.pair.comparison.verdict)
        yield f"    {verdict} {one.pair.against}: {because(one.pair)}"
        if one.pair.fidelity is not None:
            yield f"    {numbers(one.pair.fidelity)}"
    if one.clip.vbench:
        yield f"    {numbers(one.clip.vbench)}"


def numbers(values: Mapping[str, float | None]) -> str:
    """List those of the values that are known."""
    known = [f"{name} {value:.4g}" for name, value in values.items() if value is not None]
    return ", ".join(known) or "nothing could be measured"


def set_lines(report: CheckReport) -> Iterator[str]:
    """Yield the table of the set if real clips stand beside it."""
    if any(row.floor is not None for row in report.rows):
        yield f"over {len(report.clips)} clips: mean (95 % interval), and of the real clips"
        for row in report.rows:
            low, high = row.interval
            real = "-" if row.floor is None else f"{row.floor:.4g}"
            yield f"    {row.score:22} {row.mean:9.4g} ({low:.4g} to {high:.4g}), {real}"


def vbench_lines(report: CheckReport) -> Iterator[str]:
    """Yield VBench's scores of the set, if they were asked, or what is missing for them."""
    if report.vbench is None:
        return
    found = report.vbench["dimensions"].items()
    missing = [name for name, one in found if one["source"] in ("none", "substitute")]
    scores = {name: report.vbench[name] for name in ("quality", "semantic", "total")}
    if any(value is not None for value in scores.values()):
        yield f"VBench: {numbers(scores)}"
    if missing:
        yield f"VBench has no total without its own values of {', '.join(missing)}"


def because(pair: Pair) -> str:
    """Say what decided on a pair: the failures, each with its score and how much that changed."""
    comparison = pair.comparison
    if comparison.sentence:
        return comparison.sentence
    words = []
    for name in comparison.reasons:
        known = [c for c in comparison.changes if c.fault == name and np.isfinite(c.value)]
        most = max(known, key=lambda c: abs(c.value) / c.threshold, default=None)
        words.append(name if most is None else f"{name} ({told(most)})")
    return ", ".join(words) or "no score changes by what counts"


def told(change: Change) -> str:
    times = abs(change.value) / change.threshold
    return (
        f"{change.metric} from {change.before:.3g} to {change.after:.3g}, {times:.1f} times what "
        "counts"
    )


def print_ending(report: CheckReport) -> None:
    """Say what is known only at the end: the set, files without a counterpart, failed gates."""
    for line in (*set_lines(report), *vbench_lines(report)):
        print(line)
    if report.unpaired:
        names = ", ".join(report.unpaired[:MOST_NAMES])
        more = len(report.unpaired) - MOST_NAMES
        rest = f" and {more} more" if more > 0 else ""
        print(f"without a counterpart of their name or prompt: {names}{rest}")
    for trend in report.trends:
        if trend.p_value < SIGNIFICANT:
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
