"""Bradley-Terry: strengths of systems from who was preferred to whom.

P(i preferred to j) = p_i / (p_i + p_j) (Bradley and Terry 1952), fitted by minorization-
maximization (Hunter 2004). A tie is half a win for each. One win and one loss against an imaginary
average system keep the strengths finite when somebody won everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.errors import UserError

NUM_RESAMPLES = 500
NUM_STEPS = 200


@dataclass(frozen=True)
class Strength:
    """One system's place."""

    name: str  # of the system
    value: float  # natural log of its strength, the mean over systems 0; a lead of 1 wins 73 %
    interval: tuple[float, float]  # 95 %, from resampling what was voted on
    votes: int  # how many it took part in


def bradley_terry(
    votes: Sequence[tuple[str, str, float]],
    trials: Sequence[int] | None = None,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> list[Strength]:
    """Fit strengths to votes (a, b, score), best first; a score is 1, 0 or, for a tie, 0.5.

    Votes on one pair of clips, a trial, are weighted together, as they tell of one pair only; each
    vote is a trial of its own unless given.

    Raises:
        UserError: without votes, for a vote of a system against itself or outside [0, 1].
    """
    if not votes:
        raise UserError("There are no votes to count.")
    for a, b, score in votes:
        if a == b or not 0 <= score <= 1:
            raise UserError(f"The vote ({a}, {b}, {score}) is none: two systems, score 0 to 1.")
    names = sorted({name for a, b, _ in votes for name in (a, b)})
    index = {name: i for i, name in enumerate(names)}
    table = np.array([(index[a], index[b], score) for a, b, score in votes])
    values = fit_strengths(table, len(names), np.ones(len(table)), np.ones((2, len(names))))
    trial = np.unique(np.arange(len(votes)) if trials is None else trials, return_inverse=True)[1]
    generator = np.random.default_rng(seed)
    resampled = []
    for _ in range(num_resamples):  # Bayesian bootstrap (Rubin 1981), the imaginary games in it
        weights = generator.exponential(size=trial.max() + 1)[trial]
        imaginary = generator.exponential(size=(2, len(names)))
        resampled.append(fit_strengths(table, len(names), weights, imaginary))
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    counts = np.bincount(table[:, :2].astype(int).ravel(), minlength=len(names))
    strengths = [
        Strength(name, float(values[i]), (float(low[i]), float(high[i])), int(counts[i]))
        for i, name in enumerate(names)
    ]
    return sorted(strengths, key=lambda strength: -strength.value)


def fit_strengths(
    table: np.ndarray, count: int, weights: np.ndarray, imaginary: np.ndarray
) -> np.ndarray:
    """Fit the logarithms of the strengths of `count` systems.

    table: (n 3) votes, numbers of two systems and score of the first; weights: (n,) of the votes;
    imaginary: (2 count), of each system's win and loss against one of strength 1.
    """
    a, b, score = table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2]
    wins = np.zeros((count, count))
    np.add.at(wins, (a, b), weights * score)
    np.add.at(wins, (b, a), weights * (1 - score))
    games = wins + wins.T
    won = wins.sum(1) + imaginary[0]
    strength = np.ones(count)
    for _ in range(NUM_STEPS):
        expected = (games / (strength[:, None] + strength)).sum(1)
        expected += imaginary.sum(0) / (strength + 1)
        strength = won / expected
    logs = np.log(strength)
    return logs - logs.mean()
