"""Identity drift: what is in the picture slowly becomes something else.

Three views. The color histogram of the whole picture by lag sees every change of palette, wanted
or not. Tracks see less and are surer: a point that can be followed from early to late should keep
its color, and most of the picture should still be followed. Surest without a reference is that
drift is steady: colors go on changing the same way in one place, which motion does not do.
"""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, of_frames
from kinema.metrics.temporal.lighting import pair_gains, switched
from kinema.motion import confirmed, warp
from kinema.motion.tracks import sample

BINS = (12, 4, 4)  # hue, saturation, value
PARTS = 4  # of a stretch, which must all change alike
STEADY = 0.75  # quantile over the picture


@of_frames
def histogram_drift(evidence: Evidence) -> Score:
    """Hellinger distance of the HSV histograms of a shot's first and last quarter, [0, 1].

    The curve is each frame's distance from its shot's first quarter; the largest shot's value
    counts. Cost: 0.3 ms a frame.
    """
    curve, ends = np.zeros(len(evidence)), [0.0]
    for shot in evidence.shots:
        histograms = np.stack([histogram(evidence.frames[t]) for t in shot])
        quarter = max(1, len(shot) // 4)
        first, last = histograms[:quarter].mean(0), histograms[-quarter:].mean(0)
        curve[shot.start : shot.stop] = [hellinger(first, one) for one in histograms]
        ends.append(hellinger(first, last))
    return Score(max(ends), curve)


def palette_distance(frames: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Compute each frame's Hellinger distance from the mean HSV histogram of `reference`, (f,).

    In [0, 1]: 0 the same share of every color, 1 no color in common. Both uint8 (f h w 3).
    """
    mean = np.mean([histogram(frame) for frame in reference], axis=0)
    return np.array([hellinger(mean, histogram(frame)) for frame in frames])


@of_frames
def tracked_drift(evidence: Evidence) -> Score:
    """Change of color along tracks, CIELAB units of 8-bit images: the 80 % quantile of the points.

    Points on a grid are followed for up to 32 frames from the start of each stretch; each is
    compared, blurred, with its own first frame: the change of its chroma plus a third of the
    change of its lightness, from which the median of all points (the light) is taken. Points out
    of sight do not count; the value is that of the last quarter of the worst stretch.
    """
    curve, ends = np.full(len(evidence), np.nan), [0.0]
    for start, tracks in evidence.stretches:
        first = colors_at(evidence.frames[start], tracks.points[0])
        change = [
            color_change(first, colors_at(evidence.frames[start + t], points), seen)
            for t, (points, seen) in enumerate(zip(tracks.points, tracks.visible, strict=True))
        ]
        curve[start : start + len(change)] = change
        late = np.asarray(change[-max(1, len(change) // 4) :])
        ends.append(float(np.nanmean(late)) if np.isfinite(late).any() else 0.0)
    return Score(max(ends), curve)


@of_frames
def lost_share(evidence: Evidence) -> Score:
    """Share of the points of a stretch's first frame that cannot be followed to its end, [0, 1]."""
    curve, ends = np.full(len(evidence), np.nan), [0.0]
    for start, tracks in evidence.stretches:
        num_points = max(tracks.visible.shape[1], 1)  # a picture of one pixel has none
        lost = (~tracks.visible).sum(1) / num_points
        curve[start : start + len(lost)] = lost
        ends.append(float(lost[-1]))
    return Score(max(ends), curve)


@of_frames
def steady_drift(evidence: Evidence) -> Score:
    """Colors that go on changing the same way in one place, CIELAB units; 0 is steady.

    Along the motion, each pixel's change of color (lightness a third, less the median: the light)
    is summed over four parts of a stretch. Noise, occlusion and passing things change to and fro;
    what turns into something else changes alike in all parts: |sum| * |sum|^2 / (4 sum |part|^2),
    which is |sum| if all are equal. 75 % quantile over the picture; the curve holds the plain sum
    since the start of the stretch, the value is that of the worst stretch. Where a lamp is
    switched, nothing is summed.
    """
    colors, lamps = small_colors(evidence), switched(pair_gains(evidence))
    curve, ends = np.full(len(evidence), np.nan), [0.0]
    for start, tracks in evidence.stretches:
        pairs = range(start, start + len(tracks.points) - 1)
        steps = np.stack([color_step(evidence, colors, t) * (1 - lamps[t]) for t in pairs])
        sums = np.linalg.norm(np.cumsum(steps, axis=0), axis=-1)
        curve[start + 1 : start + 1 + len(sums)] = np.quantile(sums, STEADY, axis=(1, 2))
        parts = np.stack([part.sum(0) for part in np.array_split(steps, PARTS)])
        own = PARTS * (parts**2).sum((0, -1)) + 1e-6
        ends.append(float(np.quantile(sums[-1] ** 3 / own, STEADY)))
    return Score(max(ends), curve)


def small_colors(evidence: Evidence) -> np.ndarray:
    """CIELAB (f h/2 w/2 3) float32, lightness divided by three, lightly blurred."""
    colors = []
    for frame in evidence.frames:
        small = cv2.resize(frame, half_size(frame.shape[:2]), interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        lab[..., 0] /= 3
        colors.append(cv2.GaussianBlur(lab, (0, 0), 1.5))
    return np.stack(colors)


def color_step(evidence: Evidence, colors: np.ndarray, t: int) -> np.ndarray:
    """Change of color (h/2 w/2 3) from frame t to t+1 along the flow; 0 where unconfirmed."""
    size = half_size(evidence.frames.shape[1:3])
    out, back = (
        cv2.resize(flow[t], size, interpolation=cv2.INTER_AREA) / 2
        for flow in (evidence.flow.forward, evidence.flow.backward)
    )
    step = warp(colors[t + 1], out)[0] - colors[t]
    known = confirmed(out, back)
    step[..., 0] -= np.median(step[..., 0][known]) if known.any() else 0
    step[~known] = 0
    return step


def half_size(size: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of half the picture."""
    return max(1, size[1] // 2), max(1, size[0] // 2)


def colors_at(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """CIELAB colors (n 3) of the blurred frame at points, 8-bit units."""
    blurred = cv2.GaussianBlur(frame, (0, 0), 3.0)
    return sample(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB), points)


def color_change(first: np.ndarray, now: np.ndarray, seen: np.ndarray) -> float:
    if seen.sum() < 8:
        return np.nan
    change = (now - first)[seen]
    lightness = np.abs(change[:, 0] - np.median(change[:, 0]))
    return float(np.quantile(np.hypot(change[:, 1], change[:, 2]) + lightness / 3, 0.8))


def histogram(frame: np.ndarray) -> np.ndarray:
    hsv = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(BINS), [0, 180, 0, 256, 0, 256])
    return (counts / counts.sum()).ravel()


def hellinger(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(max(0.0, 1 - np.sqrt(a * b).sum())))
