"""Impacts: two objects that change each other's horizontal motion, and what must hold of them.

Gravity does not act sideways, so a kink in the horizontal motion of two objects at once, in
opposite directions, is an impact.
"""

from dataclasses import dataclass

import numpy as np

from kinema.metrics.objects.finding import Finding, cannot_tell, needs_objects
from kinema.metrics.objects.tracks import Followed, ObjectTrack

SPAN = 4  # frames on each side of an impact from which velocities are fitted
LEAST_KINK = 0.2  # of the larger speed around the impact, for both objects
LEAST_SPEED = 0.015  # diameters a frame
MOST_RESTITUTION = 1.2
MOST_IMBALANCE = 0.6
HIDDEN = 0.9  # of its usual area: of what shows less, the center is not seen


@dataclass(frozen=True)
class Impact:
    """Two objects that change each other's motion."""

    objects: tuple[int, int]  # their indices
    frame: int  # nearest to the impact
    before: np.ndarray  # (2,) horizontal velocities before, pixels per frame
    after: np.ndarray  # (2,) after
    areas: np.ndarray  # (2,) pixels


def find_impacts(objects: Followed) -> list[Impact]:
    """Find at most one impact for each pair of objects: the strongest."""
    impacts = []
    fits = [side_speeds(track) for track in objects.tracks]
    for i, (before_i, after_i) in enumerate(fits):
        for j in range(i):
            before_j, after_j = fits[j]
            kinks = np.stack([after_i - before_i, after_j - before_j])
            speeds = np.abs(np.stack([before_i, after_i, before_j, after_j])).max(0)
            opposed = np.where(kinks[0] * kinks[1] < 0, np.abs(kinks).min(0), np.nan)
            if not np.isfinite(opposed).any():
                continue
            t = int(np.nanargmax(opposed))
            small = min(objects.tracks[k].diameter for k in (i, j))
            if opposed[t] < LEAST_KINK * speeds[t] or opposed[t] < LEAST_SPEED * small:
                continue
            before, after = np.array([before_i[t], before_j[t]]), np.array([after_i[t], after_j[t]])
            areas = np.array([objects.tracks[k].diameter ** 2 for k in (i, j)]) * np.pi / 4
            impacts.append(Impact((i, j), t, before, after, areas))
    return impacts


def side_speeds(track: ObjectTrack) -> tuple[np.ndarray, np.ndarray]:
    """Fit horizontal velocities (f,) to the frames before each frame, and to those after it.

    NaN where fewer than three frames are left, or one of them does not show the whole object.
    """
    usual = np.pi * track.diameter**2 / 4
    clear = track.seen & ~track.at_border & (np.nan_to_num(track.areas) >= HIDDEN * usual)
    x = np.where(clear, track.centers[:, 0], np.nan)
    before, after = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for t in range(len(x)):
        before[t] = fitted_slope(x[max(0, t - SPAN) : t])
        after[t] = fitted_slope(x[t + 1 : t + 1 + SPAN])
    return before, after


def fitted_slope(values: np.ndarray) -> float:
    if len(values) < 3 or not np.isfinite(values).all():
        return np.nan
    time = np.arange(len(values)) - (len(values) - 1) / 2
    return float(time @ values / (time @ time))


@needs_objects("of the exchanged momentum", at_rest=True)
def momentum(objects: Followed, power: float = 1.0) -> Finding:
    """Tell whether impacts keep the momentum. Value: the worst imbalance, [0, 1].

    |m1 dv1 + m2 dv2| / (m1 |dv1| + m2 |dv2|), masses as area^power: 1 for discs of one density,
    3/2 for solids. Masses are not seen, so only an imbalance above 0.6 is called a violation.
    """
    impacts = find_impacts(objects)
    values = []
    for impact in impacts:
        gained = impact.areas**power * (impact.after - impact.before)
        values.append(abs(gained.sum()) / np.abs(gained).sum())
    return worst_impact(impacts, values, MOST_IMBALANCE)


@needs_objects("coefficient of restitution", at_rest=True)
def restitution(objects: Followed) -> Finding:
    """Whether impacts create no energy. Value: the largest coefficient of restitution, 0 and up.

    Speed of parting over speed of approach, which needs no masses; 1 is elastic, more is energy
    out of nothing, below 0 the objects went through each other.
    """
    impacts = find_impacts(objects)
    values = []
    for impact in impacts:
        approach = impact.before[0] - impact.before[1]
        parting = impact.after[1] - impact.after[0]
        values.append(parting / approach if abs(approach) > 1e-6 else np.inf)
    return worst_impact(impacts, values, MOST_RESTITUTION)


def worst_impact(impacts: list[Impact], values: list[float], limit: float) -> Finding:
    if not impacts:
        return cannot_tell("no two objects act on each other")
    frames = [one.frame for one, value in zip(impacts, values, strict=True) if value > limit]
    return Finding(not frames, float(max(values)), frames=frames, count=len(impacts))
