"""Figures in words: a mean or a share, with its 95 % interval."""

from collections.abc import Sequence
from math import isnan, sqrt

import numpy as np

from kinema.metrics.intervals import mean_interval, wilson_interval

Figures = Sequence[float] | np.ndarray


def mean(
    figures: Figures, spec: str = ".2f", scale: float = 1.0, num_resamples: int = 1_000
) -> str:
    """Return "1.20 (1.10 to 1.30)": the mean over clips, its interval from resampling them.

    Figures that are not finite do not count, "-" if none does; `scale` is 100 for percent.
    """
    known = np.asarray(figures, dtype=float)
    known = known[np.isfinite(known)]
    if not len(known):
        return "-"
    low, high = mean_interval(known, num_resamples)
    return between(scale * known.mean(), scale * low, scale * high, spec)


def between(value: float, low: float, high: float, spec: str = ".2f") -> str:
    """Return "1.20 (1.10 to 1.30)"."""
    return f"{value:{spec}} ({low:{spec}} to {high:{spec}})"


def plus_minus(figures: Figures, digits: int = 2) -> str:
    """Return "1.20 +- 0.10", the mean and 1.96 standard errors; "-" for no figure."""
    known = np.asarray(figures, dtype=float)
    known = known[~np.isnan(known)]
    average = float(known.mean()) if len(known) else float("nan")
    if isnan(average):
        return "-"
    if len(known) < 2 or not np.isfinite(average):
        return f"{average:.{digits}f}"
    half = 1.96 * float(known.std(ddof=1)) / sqrt(len(known))
    return f"{average:.{digits}f} +- {half:.{digits}f}"


def share(right: float, total: int, digits: int = 0, unit: str = "") -> str:
    """Return "89 (84-93)": so many of so many in percent, with Wilson's interval; "-" of none.

    `unit` follows the share, such as " %".
    """
    if not total:
        return "-"
    low, high = wilson_interval(right, total)
    return f"{100 * right / total:.{digits}f}{unit} ({100 * low:.0f}-{100 * high:.0f})"
