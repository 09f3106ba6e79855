"""Better, worse, the same, or cannot tell: one clip against a reference, and many against many.

Each score's change is measured in units of what a harmless re-encode causes, or of 1.96 of its own
standard errors where that is more: its evidence. The strongest evidence for either direction gives
probabilities, and a stated loss the verdict (`decision`). A spoiled clip may look better in one
score, a frozen one in nearly all: an improvement counts only in a failure that the reference has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np

from kinema.metrics.decision import least_loss, probabilities
from kinema.metrics.evidence import Evidence, Score
from kinema.metrics.temporal.steadiness import thumbnails
from kinema.metrics.verdicts import FAULTS, Failure, Fault, Rule, diagnose, strength_of

NUM_FLIPS = 4096
LIKE = 0.8  # correlation of thumbnails above which two clips show the same thing
CARRIED = 1.0  # of its threshold: a score of the reference above it leaves room for improvement
SEEN = 3.0  # thresholds: a pair that could not show so large a change says nothing
BARELY = 0.7  # of a threshold: changes above it are named where one cannot tell
CHANGED = "change beyond re-encoding noise and 1.96 standard errors"


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
    def times(self) -> float:
        """The smallest change that could have been shown, in units of the threshold."""
        return self.detectable / self.threshold

    @property
    def evidence(self) -> float:
        """The change in units of its threshold, or of 1.96 errors if these are more; 0 unknown."""
        if not np.isfinite(self.value):
            return 0.0
        return self.value / max(self.threshold, 1.96 * np.nan_to_num(self.error))

    @property
    def direction(self) -> int:
        """1 worse, -1 better, 0 not distinguishable."""
        return int(self.evidence > 1) - int(self.evidence < -1)


@dataclass(frozen=True)
class Comparison:
    """The verdict on one pair."""

    verdict: str  # "better", "worse", "same" or "cannot tell"
    reasons: list[str]  # names of the failures that decided, strongest first
    changes: list[Change]  # of every rule
    test: str  # in words
    probability: float = np.nan  # that the verdict is true; of "cannot tell", of the likeliest one
    sentence: str = ""  # why: score, size and frames


def compare(
    scores: dict[str, Score],
    reference: dict[str, Score],
    failures: tuple[list[Failure], list[Failure]] | None = None,
    alike: bool = True,
    faults: dict[str, Fault] | None = None,
) -> Comparison:
    """Say whether a clip is better or worse than a reference, from the scores of `measure`.

    `failures` are what `diagnose` finds in the clip and in the reference, and are found here if not
    given; `alike` says whether both show the same thing (`show_the_same`). If they do not, or if
    the reference stands still, scores differ with the content, and only the failures that one of
    them has decide. `faults` may have other thresholds than `FAULTS`.
    """
    faults = faults or FAULTS
    changes = [
        compare_score(name, rule, scores[rule.metric], reference[rule.metric])
        for name, fault in faults.items()
        for rule in fault.rules
        if rule.paired is not None and rule.metric in scores and rule.metric in reference
    ]
    found = failures or (diagnose(scores, faults), diagnose(reference, faults))
    own, other = ({failure.name: failure for failure in side} for side in found)
    if not alike:
        return by_failures(own, other, changes, "different content")
    if "frozen" in other and "frozen" not in own:
        return by_failures(own, other, changes, "the reference stands still")
    return by_changes(changes, reference, faults)


def by_changes(
    changes: list[Change], reference: dict[str, Score], faults: dict[str, Fault]
) -> Comparison:
    """Decide on a pair that shows the same thing, by the strongest change for either direction."""
    losses, gains = weigh(changes, reference, faults)
    chances = probabilities(total(losses), total(gains))
    verdict = least_loss(chances)
    if verdict == "same" and blind_spot(changes):
        verdict = "cannot tell"
    sides = {"worse": [losses], "better": [gains], "cannot tell": [losses, gains]}
    deciding = [change for side in sides.get(verdict, []) for change in side.values()]
    deciding.sort(key=lambda change: -abs(change.evidence))
    least = BARELY
    if verdict in ("worse", "better"):
        least = min(1.0, abs(deciding[0].evidence))
    deciding = [change for change in deciding if abs(change.evidence) >= least]
    chance = chances.get(verdict, max(chances.values()))
    reasons = [change.fault for change in deciding]
    sentence = explain(verdict, deciding, changes)
    return Comparison(verdict, reasons, changes, CHANGED, chance, sentence)


def weigh(
    changes: list[Change], reference: dict[str, Score], faults: dict[str, Fault]
) -> tuple[dict[str, Change], dict[str, Change]]:
    """Take the strongest change of each failure that is worse, and of each that is better."""
    losses = strongest(changes, 1)
    gains = strongest([c for c in changes if has_room(c, reference, faults)], -1)
    for name in losses.keys() & gains.keys():  # one name never stands on both sides
        weaker = min(losses, gains, key=lambda side: abs(side[name].evidence))
        del weaker[name]
    if "noise" in losses and losses["noise"].direction > 0:
        gains.pop("blur", None)  # noise is fine detail too: its coming sharpens nothing
    if "noise" in gains and gains["noise"].direction < 0 and only_grain_is_gone(changes):
        losses.pop("blur", None)
    return losses, gains if total(losses) <= BARELY else {}  # what breaks one thing mends none


def total(side: dict[str, Change]) -> float:
    """The most evidence of any failure."""
    return max((abs(change.evidence) for change in side.values()), default=0.0)


def blind_spot(changes: list[Change]) -> Change | None:
    """Find the failure of which not even a large change could have been seen, by any score."""
    sharpest: dict[str, Change] = {}
    for change in changes:
        known = sharpest.get(change.fault)
        if known is None or change.times < known.times:
            sharpest[change.fault] = change
    blurred = max(sharpest.values(), key=lambda change: change.times, default=None)
    return blurred if blurred is not None and blurred.times > SEEN else None


def strongest(changes: list[Change], sign: int) -> dict[str, Change]:
    """Take the change of the most evidence for each failure, in one direction."""
    found: dict[str, Change] = {}
    for change in changes:
        known = found.get(change.fault)
        if sign * change.evidence > (abs(known.evidence) if known else 0.0):
            found[change.fault] = change
    return found


def has_room(change: Change, reference: dict[str, Score], faults: dict[str, Fault]) -> bool:
    """Tell whether the reference carries a failure, so that a clip can be better in it."""
    rules = [rule for rule in faults[change.fault].rules if rule.alone is not None]
    if change.metric in ("crispness", "detail"):
        return True  # nothing in one clip says whether detail is missing
    return any(
        strength_of(reference[rule.metric].value, rule.alone) >= CARRIED
        for rule in rules
        if rule.alone is not None and rule.metric in reference
    )


def by_failures(
    own: dict[str, Failure], other: dict[str, Failure], changes: list[Change], why: str
) -> Comparison:
    """Decide by the failures that only one of both has, where scores differ with the content."""
    losses = [failure for name, failure in own.items() if name not in other]
    gains = [failure for name, failure in other.items() if name not in own]
    test = f"{why}: failures that one has and the other has not"
    deciding = losses + gains
    reasons = [failure.name for failure in deciding]
    if bool(losses) == bool(gains):
        sentence = f"Cannot tell: {why}, and " + (
            f"{join(reasons)} stand against each other." if reasons else "neither fails alone."
        )
        return Comparison("cannot tell", reasons, changes, test, np.nan, sentence)
    verdict = "worse" if losses else "better"
    chance = max(failure.confidence for failure in deciding)
    holder = "the clip" if losses else "the reference"
    sentence = f"{verdict.capitalize()}: {why}, and only {holder} shows {join(reasons)}."
    return Comparison(verdict, reasons, changes, test, chance, sentence)


def explain(verdict: str, deciding: list[Change], changes: list[Change]) -> str:
    """Say in one sentence why: the score, how far it changed, and where."""
    if verdict == "same":
        return "The same: no score changes by more than a harmless re-encode changes it."
    blurred = blind_spot(changes)
    if verdict == "cannot tell" and not deciding and blurred is not None:
        return (
            f"Cannot tell: nothing changes clearly, but of {blurred.fault} a change of "
            f"{blurred.metric} by less than {blurred.detectable:.2g} could not be seen, and "
            f"{blurred.threshold:.2g} counts."
        )
    said = "; ".join(told_change(change) for change in deciding[:3])
    return f"{verdict.capitalize()}: {said}."


def told_change(change: Change) -> str:
    """Write one change: failure, score, before and after, size, frames."""
    times = abs(change.evidence)
    size = f"{times:.1f} times what counts" if times >= 1 else f"{times:.0%} of what counts"
    where = f", most in frame {change.frames[0]}" if len(change.frames) == 1 else ""
    if len(change.frames) > 1:
        where = f", most in frames {change.frames[0]} to {change.frames[-1]}"
    return (
        f"{change.fault}, as {change.metric} goes from {change.before:.3g} to {change.after:.3g} "
        f"({size}{where})"
    )


def join(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


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


def only_grain_is_gone(changes: list[Change]) -> bool:
    """Tell whether the detail that a clip lacks is no more than the noise the reference has.

    White noise of variance v adds 20 v to that of the Laplacian. `noise` reads a little low: then
    less is forgiven, not more.
    """
    by_metric = {change.metric: change for change in changes}
    if by_metric["blur_growth"].direction > 0:
        return False
    grain = 20 * by_metric["noise"].before ** 2
    without = max(2 ** by_metric["detail"].before - 1 - grain, 0)
    missing = float(np.log2(without + 1) - by_metric["detail"].after)
    return missing <= by_metric["detail"].threshold


def where_most(score: Score) -> tuple[int, ...]:
    """First and last frame of the stretch around the worst one, in which the curve is half as bad.

    Empty if the score stands for the whole clip: half of the frames or more are as bad.
    """
    known = np.nan_to_num(score.curve, nan=-np.inf)
    if not len(known) or not np.isfinite(known).any():
        return ()
    worst = int(np.argmax(known))
    bad = known >= (known[worst] + np.median(score.curve[np.isfinite(score.curve)])) / 2
    if bad.mean() >= 0.5:
        return ()
    first, last = worst, worst
    while first > 0 and bad[first - 1]:
        first -= 1
    while last + 1 < len(bad) and bad[last + 1]:
        last += 1
    return (first, last) if last > first else (first,)


def compare_score(fault: str, rule: Rule, score: Score, reference: Score) -> Change:
    """Measure how one score differs from the reference's, by a rule that compares."""
    assert rule.paired is not None
    value, error = rule.change(score, reference), standard_error(rule, score, reference)
    ends = (reference.value, score.value)
    return Change(fault, rule.metric, value, rule.paired, error, *ends, where_most(score))


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
