"""How sure a measured share or mean is."""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from kinema.errors import UserError


def wilson_interval(successes: float, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Compute the confidence interval of a proportion (Wilson 1927), 95 % for z = 1.96.

    Unlike p +- z sqrt(p (1-p) / n) it stays inside [0, 1] and has width at p = 0 and p = 1.
    Successes need not be whole numbers: each trial may be a mean.

    Raises:
        UserError: if there were no trials, or more successes than trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise UserError(f"{successes} of {trials} is not a share that can be estimated.")
    p = successes / trials
    center = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * sqrt(p * (1 - p) / trials + (z / (2 * trials)) ** 2) / (1 + z**2 / trials)
    return max(0.0, center - half), min(1.0, center + half)


def mean_interval(
    values: Sequence[float], num_resamples: int = 1_000, seed: int = 0
) -> tuple[float, float]:
    """Compute a 95 % confidence interval of a mean, by resampling the values (Efron 1979).

    NaN counts as not measured; the interval is NaN twice if nothing was.
    """
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if not len(known):
        return np.nan, np.nan
    draws = np.random.default_rng(seed).integers(0, len(known), (num_resamples, len(known)))
    low, high = np.quantile(known[draws].mean(1), [0.025, 0.975])
    return float(low), float(high)
