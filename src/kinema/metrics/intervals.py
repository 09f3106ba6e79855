"""How sure a measured share is."""

from math import sqrt

from kinema.errors import UserError


def wilson_interval(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Confidence interval of a proportion (Wilson 1927), 95 % for z = 1.96.

    Unlike p +- z sqrt(p (1-p) / n) it stays inside [0, 1] and has width at p = 0 and p = 1.

    Args:
        successes: how often it was right, 0 <= successes <= trials.
        trials: how often it was tried; at least once.
        z: quantile of the normal distribution.

    Returns:
        (low, high), both in [0, 1].

    Raises:
        UserError: if there were no trials, or more successes than trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise UserError(f"{successes} of {trials} is not a share that can be estimated.")
    p = successes / trials
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * sqrt(p * (1 - p) / trials + (z / (2 * trials)) ** 2) / (1 + z**2 / trials)
    return max(0.0, centre - half), min(1.0, centre + half)
