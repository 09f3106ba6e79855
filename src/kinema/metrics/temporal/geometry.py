"""Geometry collapse: shapes that melt although every frame still follows from the one before.

Melting is motion to short-range residuals. Between far frames a rigid or gently bending surface
maps affinely around each point, whatever the camera did, and stretches as much as the rest of the
picture does. So textured patches of the first and of the last frame of a stretch are aligned with
all frames between, and those that still look like themselves tell how much they were stretched.
"""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, of_frames
from kinema.motion.patches import follow_patches

SIDE = 128  # shorter side in pixels of the frames that are looked at; smaller ones are left alone
FEWEST = 4  # patches below which nothing is said
FLOOR = 0.1  # of stretch: less is the aligner's error


@of_frames
def strain(evidence: Evidence) -> Score:
    """How much textured patches stretch over time: |log s1| + |log s2| of their affine maps.

    s1 and s2 are the singular values of a patch's map between two frames (`follow_patches`),
    relative to the median of all patches, so zooming does not count. Geometric mean over the
    patches, in which few large values count little; patches are followed from the first frame of a
    stretch of up to 32 frames on, and from its last frame back, and the curve is over the distance.
    The value is the mean over the longer half of the distances, of the worst stretch; 0 is rigid.
    NaN, which is "cannot tell", where fewer than 4 patches are left at more than half of them. The
    error is that of a mean over so many patches. Cost: 1 to 15 ms a frame.
    """
    luma, ahead, back = working_copies(evidence)
    curve, ends = np.full(len(evidence), np.nan), []
    for start, stop in evidence.spans:
        steps = slice(start, stop - 1)
        both = (
            follow_patches(luma[start:stop], ahead[steps]),
            follow_patches(luma[start:stop][::-1], back[steps][::-1]),
        )
        lags = range(stop - start)
        stretches = ([relative_stretch(tracks.left(lag)) for tracks in both] for lag in lags)
        values = np.array([geometric_mean(np.concatenate(some)) for some in stretches])
        curve[start:stop] = values[:, 0]
        far = values[-max(1, len(values) // 2) :]
        known = far[np.isfinite(far[:, 0])]
        if len(known) >= len(far) / 2:
            ends.append(tuple(known.mean(0)))
    worst, error = max(ends, default=(np.nan, np.nan))
    return Score(worst, curve, error)


def working_copies(evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Luma (f h w), forward and backward flow (f-1 h w 2), of at most `SIDE` rows or columns."""
    flow, (h, w) = evidence.flow, evidence.luma.shape[1:]
    if min(h, w) <= SIDE:
        return evidence.luma, flow.forward, flow.backward
    size = (round(w * SIDE / min(h, w)), round(h * SIDE / min(h, w)))
    scale = np.array([size[0] / w, size[1] / h], np.float32)

    def shrunk(images: np.ndarray) -> np.ndarray:
        small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
        return np.asarray(small, np.float32).reshape(-1, size[1], size[0], *images.shape[3:])

    return shrunk(evidence.luma), shrunk(flow.forward) * scale, shrunk(flow.backward) * scale


def relative_stretch(maps: np.ndarray) -> np.ndarray:
    """How far the singular values of maps (n 2 2) are from those of most of them; (n,)."""
    logs = log_stretches(maps)
    return np.abs(logs - np.median(logs)).sum(-1) if len(maps) else np.zeros(0)


def geometric_mean(stretches: np.ndarray) -> tuple[float, float]:
    """The geometric mean of stretches (n,), and its standard error.

    The error of few is widened, so that 1.96 of it are 95 % by Student's distribution (the first
    terms of its expansion in 1 / degrees of freedom).
    """
    if len(stretches) < FEWEST:
        return np.nan, np.nan
    logs, freedom = np.log(stretches + FLOOR), len(stretches) - 1
    mean, error = float(np.exp(logs.mean())), float(logs.std(ddof=1)) / np.sqrt(len(logs))
    return mean - FLOOR, mean * error * (1 + 1.21 / freedom + 1.44 / freedom**2)


def log_stretches(maps: np.ndarray) -> np.ndarray:
    """Natural logarithms of both singular values of matrices (n 2 2), in closed form; (n 2)."""
    a, b, c, d = maps.reshape(-1, 4).T
    turn, shear = np.hypot(a + d, c - b) / 2, np.hypot(a - d, c + b) / 2
    values = np.stack([turn + shear, np.abs(turn - shear)], axis=-1)
    return np.log(values.clip(0.05, 20))
