"""Whether verdicts agree with people: Kendall's tau, and accuracy by confidence."""

from dataclasses import dataclass

import numpy as np

from kinema.metrics.intervals import wilson_interval

CONFIDENCES = (0.5, 0.8, 0.95)  # from which a bin of verdicts begins
NUM_RESAMPLES = 1000


@dataclass(frozen=True)
class Accuracy:
    """How often people say what verdicts of some confidence say."""

    confidence: float  # from which; the next bin begins at the next of `CONFIDENCES`
    right: int
    total: int
    interval: tuple[float, float]  # 95 % of the share; 0 to 1 without a verdict


@dataclass(frozen=True)
class Agreement:
    """Verdicts beside votes, over trials."""

    num_trials: int
    tau: float  # Kendall's tau-b of preference and signed confidence; NaN if one is constant
    interval: tuple[float, float]  # 95 % of it, from resampling the trials
    accuracies: list[Accuracy]  # where people prefer one side and the verdict names one
    undecided: int  # trials in which people or the verdict name none


def agreement(people: np.ndarray, verdicts: np.ndarray, seed: int = 0) -> Agreement:
    """Compare preferences with verdicts on the same trials, both (n,) in [-1, 1].

    Above 0 the first clip is preferred; the size is the people's majority, and the confidence of
    the verdict.
    """
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(people), (NUM_RESAMPLES, len(people)))
    taus = np.array([kendall_tau(people[draw], verdicts[draw]) for draw in draws])
    known = taus[np.isfinite(taus)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    decided = (people != 0) & (verdicts != 0)
    right = np.sign(people) == np.sign(verdicts)
    accuracies = []
    for start, stop in zip(CONFIDENCES, (*CONFIDENCES[1:], np.inf), strict=True):
        inside = decided & (np.abs(verdicts) >= start) & (np.abs(verdicts) < stop)
        total, hits = int(inside.sum()), int((inside & right).sum())
        interval = wilson_interval(hits, total) if total else (0.0, 1.0)
        accuracies.append(Accuracy(start, hits, total, interval))
    undecided = int((~decided).sum())
    tau = kendall_tau(people, verdicts)
    return Agreement(len(people), tau, (float(low), float(high)), accuracies, undecided)


def kendall_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Correlate two rankings, [-1, 1]: tau-b (Kendall 1945), for which ties are no agreement.

    NaN if all values of one side are equal.
    """
    above = np.triu_indices(len(a), 1)
    signs_a, signs_b = (np.sign(x[:, None] - x)[above] for x in (np.asarray(a), np.asarray(b)))
    pairs = np.sqrt(np.abs(signs_a).sum() * np.abs(signs_b).sum())
    return float((signs_a * signs_b).sum() / pairs) if pairs else float("nan")
