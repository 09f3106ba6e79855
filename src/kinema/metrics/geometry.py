"""Geometry collapse: shapes that melt although every frame still follows from the one before.

Short-range residuals cannot see it, because melting is motion. Long tracks can: between two far
frames a rigid or gently bending surface maps affinely around each point, whatever the camera did,
and stretches little. Only textured places can be followed, and at the borders of moving things
neighbours part in any clip: so small neighbourhoods of textured points are looked at, and their
geometric mean, in which few large values count little.
"""

from collections.abc import Callable

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, observe
from kinema.motion.tracks import Tracks, sample

SIDE = 3  # points along a neighbourhood
WHOLE = 0.6  # share of a neighbourhood's points that must be textured and still in sight
TEXTURED = 1.5  # grey levels per pixel: below it the flow is a guess
FEWEST = 64  # neighbourhoods, about seven that do not overlap, below which nothing is said
FLOOR = 0.05  # added within the geometric mean, so that perfect zeros do not rule it


def bending(frames: np.ndarray | Evidence) -> Score:
    """Deviation from local affinity along tracks, percent of the shorter side; 0 is rigid.

    Least-squares affine map of each neighbourhood of 3 x 3 textured points (see
    `Evidence.stretches`), root mean square residual, geometric mean over the neighbourhoods; the
    value is that of the later half of the worst stretch of up to 32 frames. NaN, which is "cannot
    tell", where fewer than 64 neighbourhoods are left in more than half of those frames.
    """
    evidence = observe(frames)
    size = min(evidence.frames.shape[1:3])
    return _along_tracks(evidence, lambda _, residual: 100 * residual / size)


def strain(frames: np.ndarray | Evidence) -> Score:
    """Local stretch along tracks: |log s1| + |log s2| of the affine maps' singular values.

    Taken relative to the median stretch of the picture, so zooming does not count; geometric mean
    over the neighbourhoods, later half of the worst stretch; NaN as in `bending`.
    """

    def measure(maps: np.ndarray, _: np.ndarray) -> np.ndarray:
        logs = _log_stretches(maps)
        return np.abs(logs - np.median(logs)).sum(-1)

    return _along_tracks(observe(frames), measure)


def _along_tracks(
    evidence: Evidence, measure: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Score:
    curve, ends = np.full(len(evidence), np.nan), []
    for start, tracks in evidence.stretches:
        values = []
        textured = _textured(evidence, start, tracks)
        for points, seen in zip(tracks.points, tracks.visible, strict=True):
            maps, residual = _local_maps(evidence.grid, points, seen & textured)
            typical = np.nan
            if len(maps) >= FEWEST:
                typical = np.exp(np.log(measure(maps, residual) + FLOOR).mean()) - FLOOR
            values.append(typical)
        curve[start : start + len(values)] = values
        late = np.asarray(values[-max(1, len(values) // 2) :])
        known = late[np.isfinite(late)]
        if len(known) >= len(late) / 2:
            ends.append(float(known.mean()))
    return Score(max(ends, default=np.nan), curve)


def _textured(evidence: Evidence, start: int, tracks: Tracks) -> np.ndarray:
    around = cv2.GaussianBlur(evidence.gradient[start], (0, 0), 2.0)
    return sample(around, tracks.points[0])[:, 0] > TEXTURED


def _local_maps(
    grid: np.ndarray, points: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Affine maps (n 2 2) of the neighbourhoods, and root mean square residuals (n,) in pixels."""
    shape = (grid.shape[0], grid.shape[1])
    if min(shape) < SIDE:
        return np.zeros((0, 2, 2)), np.zeros(0)
    weights = _neighbourhoods(known.astype(np.float64), shape)[..., 0]
    enough = weights.sum(1) >= WHOLE * SIDE**2
    weights = weights[enough]
    there = _neighbourhoods(points, shape)[enough]
    here = _neighbourhoods(grid, shape)[enough]
    offsets = here - here[:, SIDE**2 // 2, None]
    design = np.concatenate([np.ones_like(offsets[..., :1]), offsets], axis=-1)
    normal = np.einsum("nk,nki,nkj->nij", weights, design, design) + 1e-6 * np.eye(3)
    moments = np.einsum("nk,nki,nkc->nic", weights, design, there)
    coefficients = np.linalg.solve(normal, moments)
    residual = ((there - design @ coefficients) ** 2).sum(-1)
    return coefficients[:, 1:], np.sqrt((weights * residual).sum(1) / weights.sum(1))


def _neighbourhoods(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The values, one row a point of the grid, of all neighbourhoods; (n 9 c) float64."""
    grid = values.reshape(*shape, -1).astype(np.float64)
    views = np.lib.stride_tricks.sliding_window_view(grid, (SIDE, SIDE), axis=(0, 1))
    return views.reshape(-1, grid.shape[-1], SIDE**2).transpose(0, 2, 1)


def _log_stretches(maps: np.ndarray) -> np.ndarray:
    """Natural logarithms of both singular values of matrices (n 2 2), in closed form; (n 2)."""
    a, b, c, d = maps.reshape(-1, 4).T
    turn, shear = np.hypot(a + d, c - b) / 2, np.hypot(a - d, c + b) / 2
    values = np.stack([turn + shear, np.abs(turn - shear)], axis=-1)
    return np.log(values.clip(0.05, 20))
