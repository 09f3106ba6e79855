"""What the vectors say: thresholds fitted on one half of the clips, judged on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from kinema.metrics.comparison import compare, compare_score
from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS, Fault, Rule
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.specimens import CLEAN_CRFS, STRENGTHS, Specimen, Vector


@dataclass(frozen=True)
class RulerFindings:
    """What the probe learned.

    Attributes:
        num_clips: examined.
        num_sources: worlds and files that they come from, for the intervals.
        num_graded: of them, taken through all strengths.
        auc: (corruptions, metrics): probability that a corrupted clip scores higher than a clean
            one, clips drawn independently; 0.5 is blind.
        paired: the same for a clip against its own clean version.
        monotonic: the share of clips whose score moves one way as strength grows; NaN with one
            strength.
        alone: corruption -> (share found by its own name, share found at all), thresholds from
            the other half.
        compared: the same against the clean clip.
        false_alone: share of clean clips with any failure.
        false_compared: per crf, the share of re-encodes that are "worse" in any rule.
        faults: the thresholds that were fitted on all clips.
    """

    num_clips: int
    num_sources: int
    num_graded: int
    auc: np.ndarray
    paired: np.ndarray
    monotonic: np.ndarray
    alone: dict[str, tuple[float, float]]
    compared: dict[str, tuple[float, float]]
    false_alone: float
    false_compared: dict[int, float]
    faults: dict[str, Fault]


def summarize(specimens: list[Specimen]) -> RulerFindings:
    """Turn vectors into the tables; the halves are every other world or file."""
    sources = list(dict.fromkeys(s.source for s in specimens))
    halves = [[s for s in specimens if s.source in sources[i::2]] for i in (0, 1)]
    fitted = [fit(halves[1]), fit(halves[0])]  # each half is judged by the other's thresholds
    tests = list(zip(halves, fitted, strict=True))
    clean = [(s, faults) for half, faults in tests for s in half]
    alarms = [bool(found_alone(s.clean, faults)) for s, faults in clean]
    false_compared = {
        crf: float(np.mean([bool(found_paired(s.reencoded[i], s.clean, f)) for s, f in clean]))
        for i, crf in enumerate(CLEAN_CRFS)
    }
    areas = tables_of(specimens)
    return RulerFindings(
        len(specimens),
        len(sources),
        sum(len(next(iter(s.corrupted.values()))) == len(STRENGTHS) for s in specimens),
        *areas,
        {c: rates(c, clean, lambda v, s, f: found_alone(v, f)) for c in CORRUPTIONS},
        {c: rates(c, clean, lambda v, s, f: found_paired(v, s.clean, f)) for c in CORRUPTIONS},
        float(np.mean(alarms)),
        false_compared,
        fit(specimens),
    )


def fit(specimens: list[Specimen], margin: float = 1.1) -> dict[str, Fault]:
    """Fit thresholds under which clean clips and harmless re-encodes stay.

    `margin` times the greatest value of the clean clips, and of the changes by re-encoding that are
    larger than chance makes them, all but one in twenty. Neither is ever below what ships: a
    handful of calm clips must not make the ruler nervous.
    """
    return {
        name: replace(fault, rules=tuple(fit_rule(rule, specimens, margin) for rule in fault.rules))
        for name, fault in FAULTS.items()
    }


def found_alone(vector: Vector, faults: dict[str, Fault]) -> set[str]:
    """Return failures that a vector shows by itself, before any is explained by another."""
    return {
        name
        for name, fault in faults.items()
        if any(r.alone is not None and vector[r.metric].value > r.alone for r in fault.rules)
    }


def found_paired(vector: Vector, clean: Vector, faults: dict[str, Fault]) -> set[str]:
    """Return failures in which a vector is worse than the clean one, as `compare` judges."""
    changes = compare(vector, clean, faults=faults).changes
    return {change.fault for change in changes if change.direction > 0}


def auc(high: Iterable[float], low: Iterable[float]) -> float:
    """Return the probability that a draw from `high` exceeds one from `low`; NaN does not count.

    0.5 where nothing is left to draw from.
    """
    a, b = (known(values) for values in (high, low))
    if not a.size or not b.size:
        return 0.5
    return float((a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean())


def fit_rule(rule: Rule, specimens: list[Specimen], margin: float) -> Rule:
    alone, paired = rule.alone, rule.paired
    if alone is not None:
        alone = max(alone, margin * usual_most([s.clean[rule.metric].value for s in specimens]))
    if paired is not None:
        changes = [
            compare_score("", rule, vector[rule.metric], s.clean[rule.metric])
            for s in specimens
            for vector in s.reencoded
        ]
        values = [
            change.value if abs(change.value) > 1.96 * np.nan_to_num(change.error) else -np.inf
            for change in changes
        ]
        paired = max(paired, margin * usual_most(values))
    return replace(rule, alone=alone, paired=paired)


def usual_most(values: Sequence[float]) -> float:
    """Return the greatest value but one in twenty, so that one odd clip does not count."""
    sure = np.sort(known(values))
    if not sure.size:
        return -np.inf
    return float(sure[max(0, len(sure) - 1 - ceil(len(sure) / 20))])


def known(values: Iterable[float]) -> np.ndarray:
    """Return the values that can be told."""
    found = np.asarray(list(values), np.float64)
    return found[~np.isnan(found)]


def rates(
    corruption: str,
    clean: list[tuple[Specimen, dict[str, Fault]]],
    find: Callable[[Vector, Specimen, dict[str, Fault]], set[str]],
) -> tuple[float, float]:
    """Return the shares of clips whose usual corruption is found by its name, and by any."""
    failure = CORRUPTIONS[corruption].failure
    found = [find(usual(s, corruption), s, faults) for s, faults in clean]
    return (
        float(np.mean([failure in names for names in found])),
        float(np.mean([bool(names) for names in found])),
    )


def tables_of(specimens: list[Specimen]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = (len(CORRUPTIONS), len(METRICS))
    pooled, paired, monotonic = (np.full(shape, np.nan) for _ in range(3))
    for i, corruption in enumerate(CORRUPTIONS):
        stepped = [s for s in specimens if len(s.corrupted[corruption]) == len(STRENGTHS)]
        for j, metric in enumerate(METRICS):
            clean = np.array([float(s.clean[metric]) for s in specimens])
            faulty = np.array([float(usual(s, corruption)[metric]) for s in specimens])
            pooled[i, j] = auc(faulty, clean)
            paired[i, j] = np.mean([auc([a], [b]) for a, b in zip(faulty, clean, strict=True)])
            if stepped:
                monotonic[i, j] = np.mean([is_monotonic(s, corruption, metric) for s in stepped])
    return pooled, paired, monotonic


def is_monotonic(specimen: Specimen, corruption: str, metric: str) -> bool:
    levels = [v[metric].value for v in (specimen.clean, *specimen.corrupted[corruption])]
    steps = np.diff(known(levels))
    return bool((steps >= 0).all() or (steps <= 0).all())


def usual(specimen: Specimen, corruption: str) -> Vector:
    levels = specimen.corrupted[corruption]
    return levels[len(levels) // 2]
