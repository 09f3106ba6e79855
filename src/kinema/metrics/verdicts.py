"""From the vector to words: which failure, where, how sure, whose fault, and what to do about it.

Each failure has rules on single scores. A score beyond its `alone` threshold is a failure by
itself; beyond its `paired` threshold it is worse than a reference. The thresholds were chosen on
one half of the sources and tried on the other (docs/ruler.md).
"""

from dataclasses import dataclass

import numpy as np

from kinema.metrics.evidence import RARE, Score

ARCHITECTURE = "architecture"
CONTEXT = "context"
WORLD = "world knowledge"
FOOTAGE = "footage"
BURST = 6  # frames: so long a fault counts, however long the clip is
BURST_TIMES = 2.0  # of the threshold, that the median of a burst must reach
BLOCK = 4  # frames averaged before a standard error is taken
IN_STEP = 0.3  # correlation of the logarithms of two curves


@dataclass(frozen=True)
class Rule:
    """When one score speaks of a failure."""

    metric: str  # its name in `METRICS`
    # a score above it is a failure; None where the score means nothing by itself
    alone: float | None
    # a change above it is worse than the reference; None where it is not compared
    paired: float | None
    # for ratios, what is added to both scores: below it differences mean nothing. None compares by
    # difference, for scores that are logarithms or shares already.
    floor: float | None
    sign: int = 1  # -1 for scores of which less is worse
    # compare frame by frame and take how far the largest change stands above the 85 % quantile of
    # all, for events that would drown in the rest of the clip: what an encoder does shows in more
    # frames than an event. Only for clips whose curves go in step.
    peak: bool = False
    # the score sums up a curve of its own unit: a burst of frames far above the threshold fails too
    burst: bool = False

    def strength(self, score: Score) -> float:
        """Measure a score in units of the `alone` threshold, or its worst burst if that is more."""
        assert self.alone is not None
        whole = strength_of(score.value, self.alone)
        if not self.burst:
            return whole
        return max(whole, strength_of(worst_burst(score.curve), BURST_TIMES * self.alone))

    def change(self, score: Score, reference: Score) -> float:
        """Measure how much worse than the reference: log2 of the ratio, or the difference."""
        if self.peak and in_step(score.curve, reference.curve):
            changes = self._changes(score.curve, reference.curve)
            known = changes[np.isfinite(changes)]
            return float(known.max() - np.quantile(known, 1 - RARE))
        return float(self._changes(np.array(score.value), np.array(reference.value)))

    def _changes(self, values: np.ndarray, references: np.ndarray) -> np.ndarray:
        if self.floor is None:
            return self.sign * (values - references)
        return self.sign * np.log2((values + self.floor) / (references + self.floor))

    def error(self, score: Score, reference: Score) -> float:
        """Standard error of the change, of scores that know their own; NaN of others."""
        if self.floor is None:
            return float(np.hypot(score.error, reference.error))
        own, other = (one.error / (one.value + self.floor) for one in (score, reference))
        return float(np.hypot(own, other) / np.log(2))

    def changes(self, score: Score, reference: Score) -> np.ndarray:
        """The change in each block of four frames, for its error over time; NaN where unknown."""
        return self._changes(block_means(score.curve), block_means(reference.curve))


@dataclass(frozen=True)
class Fault:
    """A failure by name: where it comes from, what to do, and how it is recognized."""

    rung: str
    remedy: str
    rules: tuple[Rule, ...]


FAULTS: dict[str, Fault] = {
    "flicker": Fault(
        ARCHITECTURE,
        "Let frames see their neighbors: temporal attention or 3-D convolution, and a codec that "
        "decodes in time.",
        (
            Rule("gain_flicker", 1.0, 0.5, 0.3, burst=True),
            Rule("texture_flicker", 0.65, 0.42, 0.1, burst=True),
            Rule("pumping", 2.2, 0.38, 1.0),
        ),
    ),
    "noise": Fault(
        ARCHITECTURE,
        "Finish the denoising: more steps or a better last step, and train the codec's decoder "
        "without noise.",
        (Rule("noise", 1.4, 0.35, 0.6, burst=True),),
    ),
    "swimming": Fault(
        ARCHITECTURE,
        "Tie texture to motion: temporal layers at the finest resolution, or a video codec in "
        "place of a per-frame one.",
        (Rule("swimming", 0.6, 0.4, 0.4, burst=True),),
    ),
    "jitter": Fault(
        ARCHITECTURE,
        "Condition on the camera or couple the frames more closely; shaken training clips should "
        "be stabilized or dropped.",
        (Rule("shake", 0.7, 0.6, 0.3, burst=True),),
    ),
    "blur": Fault(
        CONTEXT,
        "Errors accumulate over the rollout: noise the context during training (diffusion "
        "forcing), or anchor windows on clean frames.",
        (
            Rule("blur_growth", 0.9, 0.75, None),
            Rule("crispness", None, 1.15, None, -1),
            Rule("detail", None, 1.25, None, -1),
            Rule("trail", None, 0.42, None),
        ),
    ),
    "drift": Fault(
        CONTEXT,
        "The last frames must see the first: full or hybrid temporal attention, an anchor frame, "
        "or a reference image.",
        (
            Rule("steady_drift", 3.1, 0.5, 1.0),
            Rule("histogram_drift", None, 0.4, 0.2),
            Rule("tracked_drift", None, 0.42, 8.0),
        ),
    ),
    "collapse": Fault(
        WORLD,
        "Shapes are not held: a larger model, more varied motion, depth or track supervision, a "
        "lower motion setting.",
        (Rule("strain", 1.5, 0.25, 0.1),),
    ),
    "teleport": Fault(
        WORLD,
        "Things must not jump: more temporal reach, more frames per second, or a world with "
        "object permanence in training.",
        (Rule("jump", None, 0.78, 1.0, peak=True), Rule("leap", None, 1.0, 1.0, peak=True)),
    ),
    "shuffle": Fault(
        WORLD,
        "The order of frames is lost: check temporal positions, and the reader that makes "
        "training clips.",
        (Rule("disorder", 0.45, 0.14, None),),
    ),
    "stutter": Fault(
        CONTEXT,
        "Frames repeat or are missing: check the frame rate of the data, and how windows are "
        "joined.",
        (
            Rule("repeat_share", 0.25, None, None),
            Rule("held_share", None, 0.16, None),
            Rule("judder", None, 0.72, 0.6),
        ),
    ),
    "frozen": Fault(
        ARCHITECTURE,
        "Nothing happens: raise the motion setting, lower the image guidance, drop still clips "
        "from training.",
        (
            Rule("still_share", 0.4, 0.26, None),
            Rule("loop", 0.75, 0.3, None),
            Rule("motion", None, 0.58, 0.6, -1),
            Rule("change", None, 0.7, 1.0, -1),
        ),
    ),
    "cut": Fault(
        FOOTAGE,
        "A new shot begins: split training clips at cuts; one prompt should make one shot.",
        (Rule("cut", 1.0, 0.56, None),),
    ),
}

# A strong fault shakes the scores of others; these are then not reported beside it.
EXPLAINS: dict[str, tuple[str, ...]] = {
    "frozen": ("stutter", "shuffle", "jitter", "swimming", "teleport", "flicker", "cut"),
    "shuffle": ("jitter", "swimming", "teleport", "flicker", "cut", "stutter"),
    "noise": ("flicker", "swimming"),
    "swimming": ("flicker", "collapse", "teleport"),
    "jitter": ("flicker", "swimming", "teleport"),
    "flicker": ("stutter",),
    "stutter": ("teleport", "shuffle"),
}
ALWAYS = {"frozen"}  # explains even what looks surer than it does


@dataclass(frozen=True)
class Failure:
    """One thing that is wrong with a clip."""

    name: str  # a key of `FAULTS`
    rung: str  # of the ladder of time scales: architecture, context, world knowledge; or footage
    frames: list[int]  # where it shows, ascending
    confidence: float  # [0, 1]; 0.5 at the threshold, 0.8 at twice the threshold
    score: str  # the name of the score that found it
    remedy: str  # one sentence


def diagnose(scores: dict[str, Score], faults: dict[str, Fault] | None = None) -> list[Failure]:
    """Find the failures that a clip shows by itself, surest first, from scores of `measure`.

    Rules on absent scores are passed over. `faults` may have other thresholds than `FAULTS`.
    """
    found = {}
    for name, fault in (faults or FAULTS).items():
        rules = [
            (rule.strength(scores[rule.metric]), rule.alone, rule)
            for rule in fault.rules
            if rule.alone is not None and rule.metric in scores
        ]
        if not rules:
            continue
        strength, threshold, rule = max(rules, key=lambda entry: entry[0])
        if strength >= 1:
            frames = frames_above(scores[rule.metric].curve, threshold)
            found[name] = Failure(
                name, fault.rung, frames, confidence(strength), rule.metric, fault.remedy
            )
    return sorted(unexplained(found).values(), key=lambda failure: -failure.confidence)


def quality(failures: list[Failure]) -> float:
    """Sum the failures up in one number for sorting, [0, 1]; 1 without any failure.

    0.1 + 0.9 times the product of 1 - confidence over the failures; without the 0.9 if the clip
    stands still or loops, so that it sorts below every clip that fails otherwise.
    """
    product = float(np.prod([1 - failure.confidence for failure in failures]))
    hollow = any(failure.name == "frozen" for failure in failures)
    return 0.1 * product if hollow else 0.1 + 0.9 * product


def confidence(strength: float) -> float:
    """Compute s^2 / (1 + s^2) of a score s in units of its threshold."""
    return round(strength**2 / (1 + strength**2), 3)


def strength_of(score: float, threshold: float) -> float:
    return max(score, 0.0) / threshold if np.isfinite(score) else 0.0


def worst_burst(curve: np.ndarray) -> float:
    """The largest median of six frames in a row, of which at most one is unknown; NaN if none."""
    if len(curve) < BURST:
        return np.nan
    runs = np.lib.stride_tricks.sliding_window_view(curve, BURST)
    known = runs[np.isfinite(runs).sum(1) >= BURST - 1]
    return float(np.nanmedian(known, axis=1).max()) if len(known) else np.nan


def frames_above(curve: np.ndarray, threshold: float) -> list[int]:
    """List the frames above the threshold; the worst one if only the whole clip is."""
    hits = np.flatnonzero(np.nan_to_num(curve, nan=-np.inf) >= threshold)
    if len(hits):
        return hits.tolist()
    if np.isfinite(curve).any():
        return [int(np.nanargmax(curve))]
    return list(range(len(curve)))


def unexplained(found: dict[str, Failure]) -> dict[str, Failure]:
    kept = dict(found)
    for name, others in EXPLAINS.items():
        for other in others:
            if name not in kept or other not in kept:
                continue
            if name in ALWAYS or found[other].confidence <= found[name].confidence:
                del kept[other]
    return kept


def block_means(curve: np.ndarray) -> np.ndarray:
    """Average the known values of each four frames: neighbors are not independent."""
    count = len(curve) // BLOCK
    blocks = curve[: count * BLOCK].reshape(count, BLOCK)
    known = np.isfinite(blocks)
    sums = np.where(known, blocks, 0).sum(1)
    return np.where(known.any(1), sums / np.maximum(known.sum(1), 1), np.nan)


def in_step(curve: np.ndarray, reference: np.ndarray) -> bool:
    """Tell whether two curves rise and fall together, the frame where they differ most left out.

    Two clips of one content but another timing do not, and must not be compared frame by frame.
    """
    if len(curve) != len(reference):
        return False
    known = np.isfinite(curve) & np.isfinite(reference)
    if known.sum() < 4:
        return False
    a, b = np.log(np.stack([curve, reference])[:, known].clip(0) + 0.1)
    rest = np.arange(len(a)) != np.argmax(np.abs(a - b))
    a, b = a[rest] - a[rest].mean(), b[rest] - b[rest].mean()
    if max(a.std(), b.std()) < 1e-3:
        return True
    return float((a * b).sum()) > IN_STEP * float(np.sqrt((a * a).sum() * (b * b).sum()))
