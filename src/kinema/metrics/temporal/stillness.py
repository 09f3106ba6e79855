"""Clips that stop: frozen, held and looping frames. They score best on every residual.

Each is measured on motion, so that a frozen clip with a little noise on top is still frozen.
"""

import numpy as np

from kinema.metrics.evidence import (
    STILL,
    Evidence,
    Score,
    frame_curve,
    of_frames,
    resized,
    true_runs,
)
from kinema.metrics.temporal.steadiness import thumbnails

FAR = 8  # frames: long enough for slow motion to add up
SMALL = 48  # pixels on the shorter side: noise averages out, a small object still shows
REPEATED = 0.4  # of the change of the frames around: a re-encoded repetition has up to a third
LIVELY = 0.1  # gray levels: frames that differ less are all alike
NOTHING = 0.9  # gray levels: a person who hardly moves has 7, a frozen frame under noise 1.5 0.7


@of_frames
def motion(evidence: Evidence) -> Score:
    """Speed of the fastest 5 % of the pixels, percent of the shorter side per frame, median.

    0 is frozen; people walking at 25 fps have 0.5 to 2. Put it beside every other score.
    """
    speed = 100 * evidence.speed / min(evidence.frames.shape[1:3])
    curve = frame_curve(speed, evidence.joined, len(evidence), 1)
    return Score(float(np.nanmedian(curve)) if evidence.joined.any() else 0.0, curve)


@of_frames
def change(evidence: Evidence) -> Score:
    """How much more far frames differ than near ones, gray levels; 0 where nothing goes on.

    Thumbnails are compared 8 frames apart (fewer in a short clip) and one frame apart; the 98 %
    quantile over the pixels of the first difference less that of the second, median over time.
    Noise and flicker make both alike, so a frozen clip stays near 0 whatever is laid over it.
    """
    curve = np.full(len(evidence), np.nan)
    tiles = small_luma(evidence)
    lag = min(FAR, len(tiles) - 1)
    if lag < 2:
        return Score(0.0, curve)
    far = np.array([nearly_largest(tiles[t + lag] - tiles[t]) for t in range(len(tiles) - lag)])
    near = np.array([nearly_largest(b - a) for a, b in zip(tiles[:-1], tiles[1:], strict=True)])
    nearby = np.array([near[t : t + lag].mean() for t in range(len(far))])
    values = far - nearby
    for t in range(len(tiles)):
        curve[t] = values[max(0, t - lag) : t + 1].max()
    return Score(max(0.0, np.median(curve)), curve)


@of_frames
def still_share(evidence: Evidence) -> Score:
    """Longest run of frames around which nothing goes on, as a share of the clip; 1 is frozen.

    One frame shows no motion: 1. Nothing goes on where `change` is below 0.9 gray levels over every
    8 frames around, or where the fastest 5 % of the pixels go less than 0.1 pixels at the working
    size in each pair.
    """
    if len(evidence) == 1:
        return Score(1.0, np.ones(1))
    still = np.nan_to_num(change(evidence).curve, nan=np.inf) < NOTHING
    lengths = [b - a for a, b in true_runs(still)]
    for a, b in true_runs((evidence.speed < STILL) & evidence.joined):
        still[a : b + 1] = True
        lengths.append(b + 1 - a)  # runs of pairs may touch, as in stutter: they stay apart
    return Score(max(lengths, default=0) / len(evidence), still.astype(float))


@of_frames
def held_share(evidence: Evidence) -> Score:
    """Share of frames that repeat the one before although their neighbors move; 0 is smooth.

    Stutter (each third frame held) has 1/3; animation drawn on twos 1/2. Doubled frames that were
    re-encoded count too: they are found by their motion, not by equal bytes.
    """
    held = evidence.held & evidence.joined
    curve = frame_curve(held.astype(float), evidence.joined, len(evidence), 1)
    return Score(held.mean() if len(held) else 0.0, curve)


@of_frames
def repeat_share(evidence: Evidence) -> Score:
    """Share of frames that look like the one before although the frames around change; 0 is smooth.

    By pixels, so it sees held frames where little moves, and none where people pause: the mean
    absolute difference of two frames, in one exposure, is below 0.4 of the second largest of the
    four around it. `held_share` asks the motion, and sees repetitions under fresh noise as well.
    """
    change = np.array(
        [mean_change(a, b) for a, b in zip(evidence.luma[:-1], evidence.luma[1:], strict=True)]
    )
    repeated = np.zeros(len(change), bool)
    if len(change) >= 4:
        padded = np.pad(change, 2, mode="reflect")
        around = np.sort([padded[i : i + len(change)] for i in (0, 1, 3, 4)], axis=0)[2]
        repeated = (change < REPEATED * around) & (around > LIVELY) & evidence.joined
    curve = frame_curve(repeated.astype(float), evidence.joined, len(evidence), 1)
    return Score(repeated.mean() if len(repeated) else 0.0, curve)


def mean_change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference of two pictures, the second brought to the first's exposure."""
    gain = max(float(before.mean()), 1.0) / max(float(after.mean()), 1.0)
    return float(np.abs(after * gain - before).mean())


@of_frames
def duplicate_share(evidence: Evidence) -> Score:
    """Share of frames equal, byte for byte at the working size, to the one before; [0, 1]."""
    pairs = zip(evidence.frames[:-1], evidence.frames[1:], strict=True)
    same = np.array([np.array_equal(a, b) for a, b in pairs], bool)
    curve = frame_curve(same.astype(float), np.ones(len(same), bool), len(evidence), 1)
    return Score(same.mean() if len(same) else 0.0, curve)


@of_frames
def judder(evidence: Evidence) -> Score:
    """Unevenness of the speed, relative to it; 0 is even, dropped or held frames raise it.

    mean |s_t - (s_{t-1} + s_{t+1}) / 2| / mean s with s the speed of the fastest 5 %.
    """
    speed = evidence.speed
    if len(speed) < 3:
        return Score(0.0, np.full(len(evidence), np.nan))
    uneven = np.abs(speed[1:-1] - (speed[:-2] + speed[2:]) / 2) / (speed.mean() + STILL)
    valid = evidence.joined[:-2] & evidence.joined[1:-1] & evidence.joined[2:]
    curve = frame_curve(uneven, valid, len(evidence), 2)
    return Score(np.mean(uneven[valid]) if valid.any() else 0.0, curve)


@of_frames
def loop(evidence: Evidence) -> Score:
    """How exactly a clip repeats itself, [0, 1]; 1 is an endless loop, below 0.7 is usual.

    1 - the least, over lags k of up to half the clip, of mean d(t, t+k) / max_{j<k} mean d(t, t+j),
    with d the distance of normalized thumbnails. A frozen clip has 0: it goes nowhere to return.
    """
    tiles = thumbnails(evidence)
    curve = np.full(len(tiles), np.nan)
    away = [np.abs(tiles[k:] - tiles[:-k]).mean() if k else 0.0 for k in range(len(tiles) // 2 + 1)]
    farthest = np.maximum.accumulate(away)
    if len(away) < 5 or farthest[-1] < 0.02:
        return Score(0.0, curve)
    returns = np.asarray(away[4:]) / farthest[3:-1].clip(0.02)
    lag = 4 + int(np.argmin(returns))
    curve[lag:] = np.abs(tiles[lag:] - tiles[:-lag]).mean((1, 2))
    return Score(np.clip(1 - returns.min(), 0, 1), curve)


def small_luma(evidence: Evidence) -> np.ndarray:
    """Thumbnails of the luma, all brought to the mean of the first: exposure is not change."""
    small = [resized(image, SMALL) for image in evidence.luma]
    means = [max(float(image.mean()), 1.0) for image in small]
    return np.stack([image * (means[0] / mean) for image, mean in zip(small, means, strict=True)])


def nearly_largest(difference: np.ndarray) -> float:
    return float(np.quantile(np.abs(difference), 0.98))
