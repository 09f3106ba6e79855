"""A set of clips in one table: each score's mean, how sure it is, and the same of real clips."""

from dataclasses import dataclass

import numpy as np

from kinema.checks.clip_report import ClipReport
from kinema.metrics.intervals import mean_interval


@dataclass(frozen=True)
class SetRow:
    """One score of a set."""

    score: str
    mean: float
    interval: tuple[float, float]  # 95 % of the mean, from resampling the clips
    num_clips: int  # in which it could be measured
    floor: float | None  # the mean of the set of --floor; None without one


def set_table(clips: list[ClipReport], floor: list[ClipReport] | None = None) -> list[SetRow]:
    """Sum up every score that was measured in at least one clip."""
    rows = []
    for name in dict.fromkeys(name for clip in clips for name in clip.scores):
        values, real = known(clips, name), known(floor or [], name)
        if len(values):
            mean, lowest = float(np.mean(values)), float(np.mean(real)) if len(real) else None
            rows.append(SetRow(name, mean, mean_interval(values), len(values), lowest))
    return rows


def known(clips: list[ClipReport], name: str) -> list[float]:
    values = [clip.scores[name].value for clip in clips if name in clip.scores]
    return [value for value in values if np.isfinite(value)]
