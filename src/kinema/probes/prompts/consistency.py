"""Do the generated frames agree? Warping error beside its floor, and beside no agreement at all.

The floor is that of true clips. The other end is the same network sampled frame by frame, so that
nothing but the prompt ties the frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.metrics import motion_magnitude, warping_error
from kinema.motion import optical_flow

Measured = dict[str, float]


@dataclass(frozen=True)
class Ratio:
    """(generated - true) / (frame by frame - true), of mean warping errors."""

    value: float  # 0 is as consistent as true clips, 1 as independent frames
    interval: tuple[float, float]  # 95 % of resamplings of the clips


def measure(frames: np.ndarray) -> Measured:
    """Return warping error, plain difference, explained share, coverage and motion of a clip.

    frames: uint8 (f h w 3), at least two.
    """
    flow = optical_flow(frames)
    warping, motion = warping_error(frames, flow), motion_magnitude(frames, flow)
    return {
        "warping error": warping.value,
        "plain difference": warping.unwarped,
        "explained": warping.explained,
        "coverage": warping.coverage,
        "motion": motion.mean,
        "motion of the fastest 5 %": motion.top,
    }


def mean(rows: Sequence[Measured]) -> Measured:
    """Return the mean of each figure over clips."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def ratio(
    generated: Sequence[Measured],
    true: Sequence[Measured],
    alone: Sequence[Measured],
    num_resamples: int = 2000,
) -> Ratio:
    """How far generated clips are from true ones on the way to independent frames.

    All three are measured on the same scenes, in the same order; `alone` is frame by frame.
    """
    errors = np.array([[row["warping error"] for row in rows] for rows in (generated, true, alone)])

    def of(picked: np.ndarray) -> float:
        made, floor, apart = errors[:, picked].mean(1)
        return float((made - floor) / (apart - floor))

    rng = np.random.default_rng(0)
    n = len(true)
    resampled = [of(rng.integers(n, size=n)) for _ in range(num_resamples)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Ratio(of(np.arange(n)), (float(low), float(high)))
