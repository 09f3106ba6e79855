"""Background stability: what only the camera moves should stay what it is.

Points whose path is the camera's belong to the background. Their brightness, less what happens to
the light as a whole, is compared with what it was: walls that boil, repaint themselves or grow new
objects change, walls that the camera passes do not.
"""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, of_frames
from kinema.metrics.temporal.lighting import DARK
from kinema.motion.tracks import Tracks, sample

AT_REST = 0.5  # pixels a frame that a background point may differ from the camera's motion
FEWEST = 16  # points


@of_frames
def background_change(evidence: Evidence) -> Score:
    """Change of the background since the start of each stretch of up to 32 frames, percent.

    80 % quantile over the background's points of the log ratio of their blurred luma (plus 8 gray
    levels), less the median of all points, so that the light as a whole plays no part. 0 is
    unchanged; the value is that of the last quarter of the worst stretch. NaN in the curve where
    fewer than 16 points are background. Cost: 1 ms a frame, once tracks exist.
    """
    curve, ends = np.full(len(evidence), np.nan), [0.0]
    for start, tracks in evidence.stretches:
        rests = at_rest(evidence, tracks, start)
        light = [
            log_luma_at(evidence.luma[start + t], points) for t, points in enumerate(tracks.points)
        ]
        values = [
            100 * typical_change(now - light[0], seen)
            for now, seen in zip(light, rests, strict=True)
        ]
        curve[start : start + len(values)] = values
        late = np.asarray(values[-max(1, len(values) // 4) :])
        ends.append(float(np.nanmean(late)) if np.isfinite(late).any() else 0.0)
    return Score(max(ends), curve)


def at_rest(evidence: Evidence, tracks: Tracks, start: int) -> np.ndarray:
    """(f n) bool: in sight, and moved by nothing but the camera so far."""
    rests = tracks.visible.copy()
    for t in range(1, len(rests)):
        step = tracks.points[t] - tracks.points[t - 1]
        camera = sample(evidence.camera.field(start + t - 1), tracks.points[t - 1])
        rests[t] &= rests[t - 1] & (np.linalg.norm(step - camera, axis=1) < AT_REST)
    return rests


def log_luma_at(luma: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Logarithms (n,) of the blurred luma at points."""
    blurred = cv2.GaussianBlur(luma, (0, 0), 2.0)
    return np.log(sample(blurred[..., None], points)[:, 0] + DARK)


def typical_change(difference: np.ndarray, seen: np.ndarray) -> float:
    if seen.sum() < FEWEST:
        return np.nan
    change = difference[seen]
    return float(np.quantile(np.abs(change - np.median(change)), 0.8))
