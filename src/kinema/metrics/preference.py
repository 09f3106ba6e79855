"""Bradley-Terry: strengths of systems from who was preferred to whom.

P(i preferred to j) = p_i / (p_i + p_j) (Bradley and Terry 1952), fitted by minorisation-
maximisation (Hunter 2004). A tie is half a win for each. One win and one loss against an imaginary
average system keep the strengths finite when somebody won everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.errors import UserError

NUM_RESAMPLES = 500
NUM_STEPS = 200


@dataclass(frozen=True)
class Strength:
    """One system's place.

    Attributes:
        name: of the system.
        value: natural log of its strength, the mean over systems 0; a lead of 1 wins 73 %.
        interval: 95 %, from resampling the votes.
        votes: how many it took part in.
    """

    name: str
    value: float
    interval: tuple[float, float]
    votes: int


def bradley_terry(
    votes: Sequence[tuple[str, str, float]], seed: int = 0, num_resamples: int = NUM_RESAMPLES
) -> list[Strength]:
    """Fit strengths to votes, best first.

    Args:
        votes: (a, b, score): 1 if a was preferred, 0 if b, 0.5 for a tie.
        seed: of the resampling.
        num_resamples: for the intervals.

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
    values = _fit(table, len(names))
    generator = np.random.default_rng(seed)
    resampled = np.array(
        [
            _fit(table[generator.integers(len(table), size=len(table))], len(names))
            for _ in range(num_resamples)
        ]
    )
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    counts = np.bincount(table[:, :2].astype(int).ravel(), minlength=len(names))
    strengths = [
        Strength(name, float(values[i]), (float(low[i]), float(high[i])), int(counts[i]))
        for i, name in enumerate(names)
    ]
    return sorted(strengths, key=lambda strength: -strength.value)


def _fit(table: np.ndarray, count: int) -> np.ndarray:
    a, b, score = table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2]
    wins = np.zeros((count, count))
    np.add.at(wins, (a, b), score)
    np.add.at(wins, (b, a), 1 - score)
    games = wins + wins.T
    won = wins.sum(1) + 1  # one win against the average system of strength 1
    strength = np.ones(count)
    for _ in range(NUM_STEPS):
        expected = (games / (strength[:, None] + strength)).sum(1) + 2 / (strength + 1)
        strength = won / expected
    logs = np.log(strength)
    return logs - logs.mean()
