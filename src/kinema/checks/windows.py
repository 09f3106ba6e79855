"""Checking a stream of frames in bounded memory: window by window, and once from afar.

Windows of 64 frames, overlapping by 8, are measured like clips of their own, so an hour needs the
memory of a minute. What only shows over the whole length (drift, growing blur, loops) is measured
on an overview of at most 512 small frames, kept by doubling its stride whenever it is full.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from kinema.checks.clip_report import ClipReport, Moment
from kinema.checks.pictures import picture_moment, strip
from kinema.errors import UserError
from kinema.metrics.comparison import fingerprint
from kinema.metrics.evidence import Evidence, Glance, Score, gather, glance, shrink
from kinema.metrics.temporal.identity import histogram_drift
from kinema.metrics.temporal.sharpness import blur_growth, detail_loss
from kinema.metrics.temporal.stillness import loop
from kinema.metrics.vector import WORST, measure
from kinema.metrics.verdicts import FAULTS, Failure, diagnose

WINDOW = 64
OVERLAP = 8
SHORTEST = 16  # a last window shorter than this joins the one before
MOST_MOMENTS = 3  # pictured, of each failure
OVERVIEW_FRAMES = 512
OVERVIEW_SIDE = 96
FAR_SIGHTED = {
    "histogram_drift": histogram_drift,
    "blur_growth": blur_growth,
    "detail_loss": detail_loss,
    "loop": loop,
}


@dataclass(frozen=True)
class Window:
    """A stretch of a clip, and the frames of it that are its own to report."""

    start: int  # index of its first frame in the clip
    own: tuple[int, int]  # first and one-past-last index in the clip of the frames it reports
    evidence: Evidence  # of its frames


@dataclass(frozen=True)
class WindowResult:
    """What measuring a window gives back; small enough to travel between processes."""

    start: int
    own: tuple[int, int]
    scores: dict[str, Score]
    failures: list[Failure]
    cuts: list[int]
    moments: list[Moment]


@dataclass
class Overview:
    """At most 512 small frames, evenly spread over what has been seen so far."""

    stride: int = 1
    seen: int = 0
    kept: list[Glance] = field(default_factory=list)

    def add(self, one: Glance) -> None:
        """Look at the next frame of the clip."""
        if self.seen % self.stride == 0:
            if len(self.kept) == OVERVIEW_FRAMES:
                self.kept, self.stride = self.kept[::2], self.stride * 2
            if self.seen % self.stride == 0:
                self.kept.append(replace(one, small=shrink(one.small, OVERVIEW_SIDE), tiles=None))
        self.seen += 1

    def evidence(self, fps: float, cuts: list[int]) -> Evidence:
        """The overview as a clip of its own, with the cuts that the windows found."""
        evidence = gather(self.kept, fps / self.stride)
        inside = sorted({round(cut / self.stride) for cut in cuts})
        given = tuple(cut for cut in inside if 0 < cut < len(self.kept))
        return replace(evidence, given_cuts=given)


def windows(frames: Iterable[np.ndarray], fps: float, overview: Overview) -> Iterator[Window]:
    """Cut a stream of frames, uint8 (h w 3), into overlapping windows, and fill the overview.

    Raises:
        UserError: what `glance` says about a frame, or the reader about its file, after the windows
            of all frames before it were yielded.
    """
    held: list[Glance] = []
    trouble: list[UserError] = []
    start, first = 0, 0
    for one in glances(frames, trouble):
        overview.add(one)
        held.append(one)
        if len(held) == WINDOW + SHORTEST:
            stop = start + WINDOW - OVERLAP // 2
            yield Window(start, (first, stop), gather(held[:WINDOW], fps))
            held, start, first = held[WINDOW - OVERLAP :], start + WINDOW - OVERLAP, stop
    if held:
        yield Window(start, (first, start + len(held)), gather(held, fps))
    if trouble:
        raise trouble[0]


def glances(frames: Iterable[np.ndarray], trouble: list[UserError]) -> Iterator[Glance]:
    """Glance at each frame, up to the one that cannot be had; why not goes to `trouble`."""
    size = None
    try:
        for index, frame in enumerate(frames):
            one = glance(frame, index, size)
            size = one.native_size
            yield one
    except UserError as error:
        trouble.append(error)


def measure_window(window: Window, with_pictures: bool = False) -> WindowResult:
    """Score and diagnose one window; runs in a worker process."""
    evidence = window.evidence
    scores = measure(evidence)
    failures, moments = [], []
    for failure in diagnose(scores):
        frames = [window.start + t for t in failure.frames]
        frames = [t for t in frames if window.own[0] <= t < window.own[1]]
        if not frames:
            continue
        failures.append(replace(failure, frames=frames))
        if with_pictures:
            worst = worst_frame(scores[failure.score].curve, failure.frames)
            pictures = picture_moment(evidence, worst)
            moments.append(Moment(failure.name, window.start + worst, pictures))
    cuts = [window.start + cut for cut in evidence.cuts]
    return WindowResult(window.start, window.own, scores, failures, cuts, moments)


def without_surplus(result: WindowResult, before: list[WindowResult]) -> WindowResult:
    """Drop pictures of failures that have three already."""
    shown = Counter(moment.failure for earlier in before for moment in earlier.moments)
    kept = [moment for moment in result.moments if shown[moment.failure] < MOST_MOMENTS]
    return replace(result, moments=kept)


def assemble(
    file: str, results: list[WindowResult], overview: Overview, fps: float, with_pictures: bool
) -> ClipReport:
    """Put the windows of a clip and its overview together."""
    cuts = sorted({cut for result in results for cut in result.cuts})
    evidence = overview.evidence(fps, cuts)
    scores = merge_scores(results, overview.seen)
    failures = [failure for result in results for failure in result.failures]
    if len(results) > 1:
        scale = (overview.stride, overview.seen)
        far = {name: metric(evidence).stretched(*scale) for name, metric in FAR_SIGHTED.items()}
        scores |= far
        failures += diagnose(far)
    return ClipReport(
        file,
        num_frames=overview.seen,
        fps=fps,
        size=overview.kept[0].native_size,
        scores=scores,
        failures=merge_failures(failures),
        fingerprint=fingerprint(evidence),
        strip=strip(evidence.frames) if with_pictures else b"",
        moments=[moment for result in results for moment in result.moments],
    )


def merge_failures(failures: list[Failure]) -> list[Failure]:
    """Merge failures of one name: all frames, the greatest confidence; surest first."""
    merged = []
    for name in FAULTS:
        same = [failure for failure in failures if failure.name == name]
        if same:
            surest = max(same, key=lambda failure: failure.confidence)
            frames = sorted({t for failure in same for t in failure.frames})
            merged.append(replace(surest, frames=frames))
    return sorted(merged, key=lambda failure: -failure.confidence)


def merge_scores(results: list[WindowResult], length: int) -> dict[str, Score]:
    merged = {}
    for name in results[0].scores:
        curve = np.full(length, np.nan, np.float32)
        for result in results:
            first, stop = result.own
            inside = result.scores[name].curve[first - result.start : stop - result.start]
            curve[first:stop] = inside
        scores = [result.scores[name] for result in results]
        lengths = [result.own[1] - result.own[0] for result in results]
        value, error = merged_score(name, scores, lengths)
        merged[name] = Score(value, curve, error)
    return merged


def merged_score(name: str, scores: list[Score], lengths: list[int]) -> tuple[float, float]:
    """Take the worst window's value or the mean, of those that can be told, and its error."""
    known = [
        (score.value, score.error, length)
        for score, length in zip(scores, lengths, strict=True)
        if not np.isnan(score.value)
    ]
    if not known:
        return np.nan, np.nan
    if name in WORST:
        return max(known)[:2]
    values, _, weights = zip(*known, strict=True)
    return float(np.average(values, weights=weights)), np.nan


def worst_frame(curve: np.ndarray, frames: list[int]) -> int:
    values = np.nan_to_num(curve[frames], nan=-np.inf)
    return frames[int(np.argmax(values))]
