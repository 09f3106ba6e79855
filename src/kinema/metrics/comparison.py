"""Better, worse, the same, or cannot tell: one clip against a reference, and many against many.

Each rule's change must exceed what a harmless re-encode causes, and twice its own standard error
over time. Stillness and blur lower every residual, so a clip that moves less or shows less wins
nothing by being steadier.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score
from kinema.metrics.temporal.steadiness import thumbnails
from kinema.metrics.verdicts import FAULTS, Failure, Fault, Rule

NUM_FLIPS = 4096
LIKE = 0.8  # correlation of thumbnails above which two clips show the same thing
HOLLOW = {"frozen", "blur"}  # failures that make the other scores look better than they are


@dataclass(frozen=True)
class Change:
    """How one score differs from the reference's."""

    fault: str  # the failure it speaks of
    metric: str  # the score
    value: float  # log2 ratio or difference; above 0 is worse; NaN where it cannot be told
    threshold: float  # what counts; harmless re-encodes stay below it
    error: float  # standard error of the value over time; NaN where a score has no curve
    before: float = np.nan  # the reference's score
    after: float = np.nan  # the clip's
    frames: tuple[int, ...] = ()  # where the clip's score stands out most, ascending

    @property
    def detectable(self) -> float:
        """The smallest change this pair could have shown: 5 % false alarms, 80 % power."""
        return max(self.threshold, 2.8 * self.error) if np.isfinite(self.error) else self.threshold

    @property
    def clear(self) -> bool:
        """Tell whether the change is larger than chance makes it: 1.96 of its standard errors."""
        return not abs(self.value) <= 1.96 * self.error

    @property
    def direction(self) -> int:
        """1 worse, -1 better, 0 not distinguishable."""
        if not self.clear:
            return 0
        return int(self.value > self.threshold) - int(self.value < -self.threshold)


@dataclass(frozen=True)
class Comparison:
    """The verdict on one pair."""

    verdict: str  # "better", "worse", "same" or "cannot tell"
    reasons: list[str]  # names of the failures that decided
    changes: list[Change]  # of every rule
    test: str  # in words
    probability: float = np.nan  # that the verdict is true; of "cannot tell", of the likeliest one
    sentence: str = ""  # why: score, size and frames


def compare(
    scores: dict[str, Score],
    reference: dict[str, Score],
    failures: tuple[list[Failure], list[Failure]] = ([], []),
    alike: bool = True,
    faults: dict[str, Fault] | None = None,
) -> Comparison:
    """Say whether a clip is better or worse than a reference, from the scores of `measure`.

    `failures` are what `diagnose` finds in the clip and in the reference, `alike` says whether both
    show the same thing (`show_the_same`). If not, scores differ with the content, and only the
    failures that one of them has decide. `faults` may have other thresholds than `FAULTS`.
    """
    changes = [
        compare_score(name, rule, scores[rule.metric], reference[rule.metric])
        for name, fault in (faults or FAULTS).items()
        for rule in fault.rules
        if rule.paired is not None and rule.metric in scores and rule.metric in reference
    ]
    if alike:
        worse = {change.fault for change in changes if change.direction > 0}
        better = {change.fault for change in changes if change.direction < 0}
        if "noise" in worse:
            better.discard("blur")  # noise is fine detail too: its coming sharpens nothing
        if "noise" in better and only_grain_is_gone(scores, reference, changes):
            worse.discard("blur")
        test = "change beyond re-encoding noise and 1.96 standard errors"
    else:
        own, other = ({failure.name for failure in side} for side in failures)
        worse, better = own - other, other - own
        test = "different content: failures that one has and the other has not"
    return Comparison(*decide(worse, better, changes, alike), changes, test)


def show_the_same(a: Evidence | np.ndarray, b: Evidence | np.ndarray) -> bool:
    """Whether two clips show the same thing, in any order, for 30 % of the frames of either.

    Each is evidence, or the `fingerprint` of it.
    """
    a, b = (x if isinstance(x, np.ndarray) else fingerprint(x) for x in (a, b))
    likeness = a @ b.T
    return bool(max(np.quantile(likeness.max(axis), 0.7) for axis in (0, 1)) >= LIKE)


def fingerprint(evidence: Evidence, count: int = 16) -> np.ndarray:
    """Take `count` frames, evenly spread, as unit vectors of 16 x 16 luma; (count 256) float32."""
    chosen = np.linspace(0, len(evidence) - 1, count).round().astype(int)
    tiles = thumbnails(evidence)[chosen]
    tiles = np.stack([cv2.resize(t, (16, 16), interpolation=cv2.INTER_AREA) for t in tiles])
    flat = tiles.reshape(count, -1) - tiles.mean((1, 2))[:, None]
    return (flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)).astype(np.float32)


@dataclass(frozen=True)
class Trend:
    """One score over many pairs."""

    fault: str
    metric: str  # the score; `fault` the failure it speaks of
    mean: float  # mean change, above 0 is worse
    interval: tuple[float, float]  # 95 % of the mean, from resampling the pairs
    p_value: float  # sign-flip permutation test of mean 0, two-sided, corrected (Holm 1979)
    detectable: float  # the smallest mean change that this many pairs could have shown (80 % power)


def compare_sets(pairs: list[Comparison], seed: int = 0) -> list[Trend]:
    """Test each score over all pairs of two sets of clips that can be told; at least 5 pairs."""
    if len(pairs) < 5:
        return []
    generator = np.random.default_rng(seed)
    trends = []
    for column in zip(*(pair.changes for pair in pairs), strict=True):
        values = np.clip([change.value for change in column], -8, 8)
        values = values[np.isfinite(values)]
        if len(values) < 5:
            continue
        means = generator.choice(values, (NUM_FLIPS, len(values))).mean(1)
        low, high = np.quantile(means, [0.025, 0.975])
        detectable = 2.8 * values.std(ddof=1) / np.sqrt(len(values))
        trends.append(
            Trend(
                column[0].fault,
                column[0].metric,
                float(values.mean()),
                (float(low), float(high)),
                sign_flip_test(values, generator),
                float(detectable),
            )
        )
    corrected = holm([trend.p_value for trend in trends])
    return [replace(trend, p_value=p) for trend, p in zip(trends, corrected, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values of tests that are made together, so that all hold in 95 % (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    left = len(p_values) - np.arange(len(p_values))  # tests not yet decided, itself included
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(left * np.array(p_values)[order]).clip(max=1)
    return corrected.tolist()


def only_grain_is_gone(
    scores: dict[str, Score], reference: dict[str, Score], changes: list[Change]
) -> bool:
    """Tell whether the detail that a clip lacks is no more than the noise the reference has.

    White noise of variance v adds 20 v to that of the Laplacian. `noise` reads a little low,
    and much too low where large frames were averaged down: then less is forgiven, not more.
    """
    if any(change.metric == "blur_growth" and change.direction > 0 for change in changes):
        return False
    grain = 20 * reference["noise"].value ** 2
    without = max(2 ** reference["detail"].value - 1 - grain, 0)
    allowed = next(rule.paired for rule in FAULTS["blur"].rules if rule.metric == "detail")
    return float(np.log2(without + 1) - scores["detail"].value) <= (allowed or 0)


def decide(
    worse: set[str], better: set[str], changes: list[Change], alike: bool
) -> tuple[str, list[str]]:
    if worse & HOLLOW:
        better = better & HOLLOW
    elif better & HOLLOW:
        worse = worse & HOLLOW
    if worse and not better:
        return "worse", sorted(worse)
    if better and not worse:
        return "better", sorted(better)
    if worse or not alike:
        return "cannot tell", sorted(worse | better)
    blind = any(change.detectable > 3 * change.threshold for change in changes)
    return ("cannot tell", []) if blind else ("same", [])


def compare_score(fault: str, rule: Rule, score: Score, reference: Score) -> Change:
    """Measure how one score differs from the reference's, by a rule that compares."""
    assert rule.paired is not None
    value, error = rule.change(score, reference), standard_error(rule, score, reference)
    ends = (reference.value, score.value)
    return Change(fault, rule.metric, value, rule.paired, error, *ends)


def standard_error(rule: Rule, score: Score, reference: Score) -> float:
    """Standard error of the change: the scores' own, or from blocks of frames; NaN for events."""
    own = rule.error(score, reference)
    if np.isfinite(own):
        return own
    if rule.metric in EVENTS or len(score.curve) != len(reference.curve):
        return float("nan")
    changes = rule.changes(score, reference)
    known = changes[np.isfinite(changes)]
    if len(known) < 3:
        return float("nan")
    return float(known.std(ddof=1) / np.sqrt(len(known)))


# Scores that are one event or a trend over the clip: spread over time is not their error.
EVENTS = frozenset(
    {
        *("jump", "leap", "cut", "blur_growth", "histogram_drift", "tracked_drift", "still_share"),
        *("held_share", "loop", "pumping", "judder", "steady_drift"),
    }
)


def sign_flip_test(values: np.ndarray, generator: np.random.Generator) -> float:
    """Count the share of sign patterns whose mean is as far from zero; all up to 12 values."""
    n = len(values)
    if n <= 12:
        signs = np.array(list(product((1.0, -1.0), repeat=n)))
    else:
        signs = np.where(generator.random((NUM_FLIPS, n)) < 0.5, -1.0, 1.0)
        signs[0] = 1.0
    means = np.abs(signs @ values) / n
    return float((means >= abs(values.mean()) - 1e-12).mean())
