"""Geometry collapse: shapes that melt although every frame still follows from the one before.

Short-range residuals cannot see it, because melting is motion. Long tracks can: between two far
frames a rigid or gently bending surface maps affinely around each point, whatever the camera did.
The deviation of tracked neighbours from their best local affine map, growing with the lag, is the
score; and the stretch of those maps beside it.
"""

import numpy as np

from kinema.metrics.evidence import Evidence, Score, observe
from kinema.metrics.identity import HORIZON
from kinema.motion.tracks import follow, grid_points

STEP = 6  # pixels between the tracked points
NEIGHBOURS = 3  # a neighbourhood is 5 x 5 points: the middle one and two on every side


def bending(frames: np.ndarray | Evidence) -> Score:
    """Deviation from local affinity along tracks, percent of the shorter side; 0 is rigid.

    Least-squares affine map of each 5 x 5 neighbourhood of the grid (only whole ones), root mean
    square residual, median over the neighbourhoods; the value is that of the last quarter of the
    worst stretch of up to 32 frames.
    """
    return _along_tracks(observe(frames), _bend)


def strain(frames: np.ndarray | Evidence) -> Score:
    """Local stretch along tracks: |log s1| + |log s2| of the affine maps' singular values.

    Taken relative to the median stretch of the picture, so zooming does not count; median over
    neighbourhoods, last quarter of the worst stretch.
    """
    return _along_tracks(observe(frames), _stretch)


def _along_tracks(evidence: Evidence, measure) -> Score:
    curve, ends = np.full(len(evidence), np.nan), [0.0]
    grid = grid_points(evidence.frames.shape[1:3], STEP)
    for shot in evidence.shots:
        for start in range(shot.start, max(shot.stop - 4, shot.start + 1), HORIZON):
            stop = min(start + HORIZON, shot.stop)
            if stop - start < 4:
                continue
            tracks = follow(evidence.flow, grid.reshape(-1, 2), start, stop)
            lags = range(stop - start)
            values = [measure(grid, tracks.points[t], tracks.visible[t]) for t in lags]
            curve[start:stop] = values
            late = np.asarray(values[-max(1, len(values) // 4) :])
            ends.append(float(np.nanmean(late)) if np.isfinite(late).any() else 0.0)
    size = min(evidence.frames.shape[1:3])
    scale = 100 / size if measure is _bend else 1.0
    return Score(scale * max(ends), scale * curve)


def _local_maps(
    grid: np.ndarray, points: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Affine maps (n 2 2) of whole neighbourhoods and the residuals (n k 2) around them."""
    rows, columns = grid.shape[:2]
    points, seen = points.reshape(rows, columns, 2), seen.reshape(rows, columns)
    side = 2 * NEIGHBOURS - 1
    if min(rows, columns) < side:
        return np.zeros((0, 2, 2)), np.zeros((0, side * side, 2))
    patches = np.lib.stride_tricks.sliding_window_view(points, (side, side), axis=(0, 1))
    whole = np.lib.stride_tricks.sliding_window_view(seen, (side, side)).all((-1, -2))
    there = patches[whole].reshape(-1, 2, side * side).transpose(0, 2, 1)
    places = np.moveaxis(np.mgrid[:side, :side][::-1], 0, -1).reshape(-1, 2)  # column, row
    offsets = (places - (side - 1) / 2) * STEP
    centred = there - there.mean(1, keepdims=True)
    # The grid is centred and isotropic, so the normal equations are diagonal.
    maps = np.einsum("ki,nkj->nij", offsets, centred) / (offsets[:, 0] ** 2).sum()
    return maps, centred - offsets @ maps


def _bend(grid: np.ndarray, points: np.ndarray, seen: np.ndarray) -> float:
    _, residual = _local_maps(grid, points, seen)
    if len(residual) < 4:
        return np.nan
    return float(np.median(np.sqrt((residual**2).sum(-1).mean(-1))))


def _stretch(grid: np.ndarray, points: np.ndarray, seen: np.ndarray) -> float:
    maps, _ = _local_maps(grid, points, seen)
    if len(maps) < 4:
        return np.nan
    logs = np.log(np.linalg.svd(maps, compute_uv=False).clip(0.05, 20))
    return float(np.median(np.abs(logs - np.median(logs)).sum(-1)))
