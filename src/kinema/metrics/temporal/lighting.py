"""Brightness over time: gain flicker, pumping, and a slow drift of the light.

The gain from one frame to the next is measured along the motion, as the median log ratio of each
pixel and the pixel it moved to, so a bright object that enters is not mistaken for the light. The
running sum is the exposure path; flicker is its roughness, pumping its swings, drift its slope.
"""

import numpy as np

from kinema.metrics.evidence import Evidence, Score, frame_curve, of_frames, trimmed_mean

DARK = 8.0  # gray levels added to both sides of a ratio: black has no gain
LIT = (16, 245)  # gray levels of pixels that tell of the light: black and white show no gain
FEWEST = 0.02  # share of the pixels that must be lit
LAMP = (0.1, 0.2)  # natural logs of gains of a pair: below none, above surely a lamp is switched
RARELY = 5  # times the median gain: lamps are switched rarely, flicker is in every frame
STRIDE = 3  # every third pixel of every third row is looked at


@of_frames
def pair_gains(evidence: Evidence) -> np.ndarray:
    """Log gain from each frame to the next, (f-1) natural log; 0 across cuts and in the dark.

    Mean over the middle half of log(I_{t+1}(x + F(x)) / I_t(x)), of the pixels that are neither
    black nor white: a dark picture flickers as much as a bright one. Cost: 1 ms a pair.
    """
    grid = (slice(None, None, STRIDE), slice(None, None, STRIDE))
    pairs = zip(evidence.luma[:-1], evidence.ahead, strict=True)
    gains = [log_gain(before[grid], after[grid]) for before, after in pairs]
    return np.where(evidence.joined, np.asarray(gains, np.float64), 0.0)


def log_gain(before: np.ndarray, after: np.ndarray) -> float:
    """Compute the log gain between two pictures whose pixels belong together."""
    mean = (before + after) / 2
    lit = (mean > LIT[0]) & (mean < LIT[1])
    if lit.mean() < FEWEST:
        return 0.0
    ratios = np.sort(np.log((after[lit] + 1) / (before[lit] + 1)))
    quarter = len(ratios) // 4
    return float(ratios[quarter : len(ratios) - quarter].mean())


def switched(gains: np.ndarray) -> np.ndarray:
    """Tell of pairs of frames whether a lamp is switched between them, (f-1) in [0, 1]; 1 is sure.

    From `pair_gains`. It rises evenly from gains of 0.1 to 0.2: no re-encode turns it over.
    """
    sizes = np.abs(gains)
    rare = sizes > RARELY * np.median(sizes) if len(sizes) else sizes > 0
    return np.where(rare, np.clip((sizes - LAMP[0]) / (LAMP[1] - LAMP[0]), 0, 1), 0.0)


@of_frames
def gain_flicker(evidence: Evidence) -> Score:
    """Frame-to-frame instability of the exposure, percent; 0 is steady, 3 is plainly visible.

    Half the second difference of the exposure path, mean of the absolute values without the
    largest tenth.
    """
    gains = pair_gains(evidence)
    rough = 50 * np.abs(np.diff(gains))
    curve = frame_curve(rough, evidence.inner, len(evidence), 1)
    return Score(trimmed_mean(curve), curve)


@of_frames
def luma_flicker(evidence: Evidence) -> Score:
    """Second difference of the mean luma, percent of the mean luma; 0 is steady.

    |m_t - (m_{t-1} + m_{t+1}) / 2|: needs no flow, but reads fast motion as flicker.
    """
    mean = evidence.luma.mean((1, 2)).astype(np.float64)
    rough = 100 * np.abs(mean[1:-1] - (mean[:-2] + mean[2:]) / 2) / (mean[1:-1] + 1)
    curve = frame_curve(rough, evidence.inner, len(evidence), 1)
    return Score(trimmed_mean(curve), curve)


@of_frames
def pumping(evidence: Evidence) -> Score:
    """Slow swings of the exposure, percent: its deviation from a straight line over each shot.

    A lamp that is switched is no swing: its step is taken out. The curve is the absolute deviation,
    the value its root mean square.
    """
    curve = np.zeros(len(evidence))
    gains = pair_gains(evidence)
    path = np.concatenate([[0.0], np.cumsum((1 - switched(gains)) * gains)])
    for shot in evidence.shots:
        if len(shot) > 2:
            inside = path[shot.start : shot.stop]
            time = np.arange(len(shot))
            curve[shot.start : shot.stop] = inside - np.polyval(np.polyfit(time, inside, 1), time)
    curve = 100 * np.abs(curve)
    return Score(np.sqrt(np.mean(curve**2)), curve)


@of_frames
def light_drift(evidence: Evidence) -> Score:
    """Net change of the exposure over a shot, percent, the largest of the clip's shots.

    The curve is the absolute change since the shot's first frame.
    """
    path = np.concatenate([[0.0], np.cumsum(pair_gains(evidence))])
    curve = np.zeros(len(evidence))
    for shot in evidence.shots:
        inside = path[shot.start : shot.stop]
        curve[shot.start : shot.stop] = 100 * np.abs(inside - inside[0])
    ends = [np.mean(curve[max(shot.start, shot.stop - 3) : shot.stop]) for shot in evidence.shots]
    return Score(float(max(ends)), curve)
