"""Sudden changes: a new shot, or something that is elsewhere, gone, or there, at once.

Teleportation is local in space and in time: a few tiles of the picture cannot be explained by
motion in one pair of frames, though they can be in the pairs before and after. The worst single
tile belongs to the fastest limb, or to where a codec gave up.
"""

import numpy as np

from kinema.metrics.evidence import RARE, Evidence, Score, frame_curve, of_frames, resized
from kinema.metrics.temporal.cuts import cut_strengths
from kinema.metrics.temporal.lighting import pair_gains
from kinema.motion import warp

TILES = 10  # along the shorter side
WORST = 0.05  # share of the tiles that a jump must fill


@of_frames
def cut_strength(evidence: Evidence) -> Score:
    """The strongest hard cut, as a multiple of PySceneDetect's thresholds; 1 and above is a cut.

    The curve is that of `cut_strengths`, the value its maximum.
    """
    curve = cut_strengths(evidence.frames)
    return Score(curve.max(), curve)


@of_frames
def jump(evidence: Evidence) -> Score:
    """The worst sudden change that motion does not explain, pixels; 0 is none.

    Per tile and pair of frames: the residual after warping (the larger of the two directions) over
    the mean gradient, less the larger of the same tile's values one pair earlier and later. The
    curve is the mean over the worst twentieth of the tiles, of which a single fast limb fills few;
    the value is how far its peak stands above its 85 % quantile.
    """
    gradient = float(evidence.gradient.mean()) + 0.25
    spikes = excess_in_time(tile_residuals(evidence) / gradient, evidence.joined)
    return peak_above_usual(evidence, worst_mean(spikes))


@of_frames
def leap(evidence: Evidence) -> Score:
    """The worst sudden change that going on as before does not explain, pixels; 0 is none.

    A short jump is followed by the flow and leaves `jump` little. But the motion just before it
    does not lead there, nor does the motion just after it lead back. So each pair t, t+1 is
    explained by its neighbors' motion, with b(t) the flow from t to t-1 and f(t+1) that from t+1
    to t+2:

        min(mean |I(t+1)[x - b(t)] - I(t)|, mean |I(t)[x - f(t+1)] - I(t+1)|)

    over the pixels x of a tile, after evening out the light. An impact breaks one of the two, a
    jump both; so does a jolt of the camera. Then as `jump`: over the mean gradient, less the
    neighbors in time, worst twentieth of the tiles, peak above the 85 % quantile. Cost: two warps
    a pair of frames.
    """
    gradient = float(evidence.gradient.mean()) + 0.25
    spikes = excess_in_time(carried_residuals(evidence) / gradient, evidence.joined)
    return peak_above_usual(evidence, worst_mean(spikes))


def peak_above_usual(evidence: Evidence, spikes: np.ndarray) -> Score:
    curve = frame_curve(spikes, evidence.joined, len(evidence), 1)
    known = spikes[evidence.joined]
    if not len(known):
        return Score(0.0, curve)
    return Score(known.max() - np.quantile(known, 1 - RARE), curve)


def tile_residuals(evidence: Evidence) -> np.ndarray:
    tiles = []
    for t, gain in enumerate(pair_gains(evidence)):
        before, after = evidence.luma[t], evidence.luma[t + 1]
        out = to_tiles(np.abs(evidence.ahead[t] * np.exp(-gain) - before))
        back = to_tiles(np.abs(evidence.behind[t] - after * np.exp(-gain)))
        tiles.append(np.maximum(out, back))
    return np.asarray(tiles)


def carried_residuals(evidence: Evidence) -> np.ndarray:
    """What steady motion leaves of each pair (f-1 rows columns), gray levels; 0 where unknown."""
    tiles = []
    luma, flow, inner = evidence.luma, evidence.flow, evidence.inner
    for t, gain in enumerate(pair_gains(evidence)):
        here, there = luma[t], luma[t + 1] * np.exp(-gain)
        left = []
        if t > 0 and inner[t - 1]:
            left.append(to_tiles(np.abs(warp(there, -flow.backward[t - 1])[0] - here)))
        if t < len(inner) and inner[t]:
            left.append(to_tiles(np.abs(warp(here, -flow.forward[t + 1])[0] - there)))
        tiles.append(np.min(left, axis=0) if left else np.zeros_like(to_tiles(here)))
    return np.asarray(tiles)


def excess_in_time(tiles: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """Excess of each pair (f-1 rows columns) over its neighbors in time, at least 0."""
    if len(tiles) < 3:
        return np.zeros_like(tiles)
    known = np.where(joined[:, None, None], tiles, 0)
    # At either end of the clip the two nearest pairs on one side stand for both neighbors.
    earlier = np.concatenate([known[2:3], known[:-1]])
    later = np.concatenate([known[1:], known[-3:-2]])
    return (known - np.maximum(earlier, later)).clip(0)


def worst_mean(tiles: np.ndarray) -> np.ndarray:
    """Mean of the worst twentieth of the tiles of each pair, at least of one; (f-1,)."""
    if not len(tiles):
        return np.zeros(0)
    count = max(1, int(WORST * tiles[0].size))
    return np.sort(tiles.reshape(len(tiles), -1), axis=1)[:, -count:].mean(1)


def to_tiles(image: np.ndarray) -> np.ndarray:
    return resized(image, TILES)
