"""Identity drift: what is in the picture slowly becomes something else.

Two views. The colour histogram of the whole picture by lag sees every change of palette, wanted
or not. Tracks see less and are surer: a point that can be followed from early to late should keep
its colour, and most of the picture should still be followed.
"""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, observe
from kinema.motion.tracks import Tracks, follow, grid_points, sample

BINS = (12, 4, 4)  # hue, saturation, value
STEP = 8  # pixels between tracked points
HORIZON = 32  # frames over which a track is asked to last


def histogram_drift(frames: np.ndarray | Evidence) -> Score:
    """Hellinger distance of the HSV histograms of a shot's first and last quarter, [0, 1].

    The curve is each frame's distance from its shot's first quarter; the largest shot's value
    counts. Cost: 0.3 ms a frame.
    """
    evidence = observe(frames)
    curve, ends = np.zeros(len(evidence)), [0.0]
    for shot in evidence.shots:
        histograms = np.stack([_histogram(evidence.frames[t]) for t in shot])
        quarter = max(1, len(shot) // 4)
        first, last = histograms[:quarter].mean(0), histograms[-quarter:].mean(0)
        curve[shot.start : shot.stop] = [_hellinger(first, one) for one in histograms]
        ends.append(_hellinger(first, last))
    return Score(max(ends), curve)


def palette_distance(frames: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Hellinger distance of each frame's HSV histogram from the mean one of `reference`, (f,).

    In [0, 1]: 0 the same share of every colour, 1 no colour in common. Both uint8 (f h w 3).
    """
    mean = np.mean([_histogram(frame) for frame in reference], axis=0)
    return np.array([_hellinger(mean, _histogram(frame)) for frame in frames])


def tracked_drift(frames: np.ndarray | Evidence) -> Score:
    """Change of colour along tracks, CIELAB units of 8-bit images: the 80 % quantile of the points.

    Points on a grid are followed for up to 32 frames from the start of each stretch; each is
    compared, blurred, with its own first frame: the change of its chroma plus a third of the
    change of its lightness, from which the median of all points (the light) is taken. Points out
    of sight do not count; the value is that of the last quarter of the worst stretch.
    """
    evidence = observe(frames)
    curve, ends = np.full(len(evidence), np.nan), [0.0]
    for start, tracks in stretches(evidence):
        first = _colours(evidence.frames[start], tracks.points[0])
        change = [
            _colour_change(first, _colours(evidence.frames[start + t], points), seen)
            for t, (points, seen) in enumerate(zip(tracks.points, tracks.visible, strict=True))
        ]
        curve[start : start + len(change)] = change
        late = np.asarray(change[-max(1, len(change) // 4) :])
        ends.append(float(np.nanmean(late)) if np.isfinite(late).any() else 0.0)
    return Score(max(ends), curve)


def lost_share(frames: np.ndarray | Evidence) -> Score:
    """Share of the points of a stretch's first frame that cannot be followed to its end, [0, 1]."""
    evidence = observe(frames)
    curve, ends = np.full(len(evidence), np.nan), [0.0]
    for start, tracks in stretches(evidence):
        lost = 1 - tracks.visible.mean(1)
        curve[start : start + len(lost)] = lost
        ends.append(float(lost[-1]))
    return Score(max(ends), curve)


def stretches(evidence: Evidence) -> list[tuple[int, Tracks]]:
    """Tracks of a regular grid over stretches of up to 32 frames, none across a cut."""
    points = grid_points(evidence.frames.shape[1:3], STEP).reshape(-1, 2)
    found = []
    for shot in evidence.shots:
        for start in range(shot.start, max(shot.stop - 4, shot.start + 1), HORIZON):
            stop = min(start + HORIZON, shot.stop)
            if stop - start >= 4:
                found.append((start, follow(evidence.flow, points, start, stop)))
    return found


def _colours(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """CIELAB colours (n 3) of the blurred frame at points, 8-bit units."""
    blurred = cv2.GaussianBlur(frame, (0, 0), 3.0)
    return sample(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB), points)


def _colour_change(first: np.ndarray, now: np.ndarray, seen: np.ndarray) -> float:
    if seen.sum() < 8:
        return np.nan
    change = (now - first)[seen]
    lightness = np.abs(change[:, 0] - np.median(change[:, 0]))
    return float(np.quantile(np.hypot(change[:, 1], change[:, 2]) + lightness / 3, 0.8))


def _histogram(frame: np.ndarray) -> np.ndarray:
    hsv = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(BINS), [0, 180, 0, 256, 0, 256])
    return (counts / counts.sum()).ravel()


def _hellinger(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(max(0.0, 1 - np.sqrt(a * b).sum())))
