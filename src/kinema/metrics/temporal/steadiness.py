"""Motion that is not steady: camera shake, swimming texture, frames out of order.

The way to the next frame plus the way to the previous one is the acceleration at each pixel. Its
affine part is the camera (shake); what is left in textured places is texture that swims; and if
frames were shuffled, neighbors in time are no nearer to each other than strangers.
"""

import cv2
import numpy as np

from kinema.metrics.evidence import (
    Evidence,
    Score,
    frame_curve,
    of_frames,
    resized,
    trimmed_mean,
)
from kinema.motion import confirmed

WHITE = 1.71  # a second difference less its neighbors' mean, over it, of white noise
RIDGE = 1e-3  # added to sums of squared gradients: a flat picture has no shift
THUMBNAIL = 32  # pixels on the shorter side: a shake of one pixel in a hundred hardly shows


@of_frames
def shake(evidence: Evidence) -> Score:
    """Camera shake: erratic motion of the whole picture, percent of the shorter side; 0 is steady.

    Length of the global acceleration (translation, zoom and roll of a robust affine fit) as far as
    it is `erratic`, median over the frames: one bump is not a shake, nor is a hand that sways.
    """
    fit = evidence.shake
    parts = np.concatenate([fit.translation, fit.zoom[:, None], fit.roll[:, None]], axis=1)
    length = 100 * erratic(parts, evidence.moving) / 2 / min(fit.size)
    curve = frame_curve(length, evidence.moving, len(evidence), 1)
    return Score(nan_median(curve), curve)


def erratic(accelerations: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Lengths (f ...) of accelerations (f ... c), less what their neighbors in time share.

    A path that is new in every frame accelerates to and fro, a smooth one steadily: the smaller of
    |a_t| and |a_t - (a_{t-1} + a_{t+1}) / 2| / 1.71, which are alike for white noise. |a_t| beside
    frames that are not `known` (f,) and at either end.
    """
    lengths = np.linalg.norm(accelerations, axis=-1)
    if len(lengths) < 3:
        return lengths
    change = accelerations[1:-1] - (accelerations[:-2] + accelerations[2:]) / 2
    rough = np.linalg.norm(change, axis=-1) / WHITE
    inner = known[:-2] & known[1:-1] & known[2:]
    inner = inner.reshape(-1, *[1] * (lengths.ndim - 1))
    lengths[1:-1] = np.where(inner, np.minimum(lengths[1:-1], rough), lengths[1:-1])
    return lengths


@of_frames
def swimming(evidence: Evidence) -> Score:
    """Erratic local acceleration of textured pixels, percent of the shorter side; 0 is steady.

    The acceleration less its affine part, as far as it is `erratic`, averaged over the quarter of
    the pixels with the strongest gradient, median over the frames.
    """
    local = np.stack(
        [
            acceleration[::2, ::2] - evidence.shake.field(t)[::2, ::2]
            for t, acceleration in enumerate(evidence.acceleration)
        ]
        or [np.zeros((0, 2), np.float32)]
    )[: len(evidence.acceleration)]
    values = []
    for t, lengths in enumerate(erratic(local, evidence.moving)):
        gradient = evidence.gradient[t + 1, ::2, ::2]
        textured = gradient >= np.quantile(gradient[::2, ::2], 0.75)
        values.append(100 * np.median(lengths[textured]) / 2 / min(evidence.frames.shape[1:3]))
    curve = frame_curve(np.asarray(values, np.float64), evidence.moving, len(evidence), 1)
    return Score(nan_median(curve), curve)


@of_frames
def acceleration(evidence: Evidence) -> Score:
    """Change of the motion along its own path, relative to its speed; 0 steady, 2 reversing.

    mean |F_t + B_t| / mean (|F_t| + |B_t|) / 2 over the moving pixels of each frame.
    """
    values = []
    for change, out, back in zip(
        evidence.acceleration, evidence.flow.forward[1:], evidence.flow.backward[:-1], strict=True
    ):
        speed = (np.hypot(*np.moveaxis(out, -1, 0)) + np.hypot(*np.moveaxis(back, -1, 0))) / 2
        values.append(np.hypot(*np.moveaxis(change, -1, 0)).mean() / (speed.mean() + 0.1))
    curve = frame_curve(np.asarray(values, np.float64), evidence.moving, len(evidence), 1)
    return Score(trimmed_mean(curve), curve)


@of_frames
def continuity(evidence: Evidence) -> Score:
    """Tell whether motion goes on in its direction, [-1, 1]; 1 straight on, -1 back and forth.

    Cosine between the way from the previous frame and the way to the next, averaged over the
    pixels weighted by the product of both speeds: what stands still has no direction.
    """
    values = []
    for out, back in zip(evidence.flow.forward[1:], evidence.flow.backward[:-1], strict=True):
        along = -(out * back).sum(-1)
        speeds = np.sqrt((out**2).sum(-1) * (back**2).sum(-1))
        values.append(along.sum() / (speeds.sum() + 1e-3 * speeds.size))
    curve = frame_curve(np.asarray(values, np.float64), evidence.moving, len(evidence), 1)
    return Score(nan_median(curve), curve)


@of_frames
def agreement(evidence: Evidence) -> Score:
    """Share of pixels that can be followed to the next frame and back, [0, 1]; 1 is all.

    Low where things appear, vanish or blur, and in flat or noisy pictures, where flow means little.
    """
    flow = evidence.flow
    pairs = zip(flow.forward, flow.backward, strict=True)
    shares = np.array([confirmed(out, back).mean() for out, back in pairs], np.float64)
    curve = frame_curve(shares, evidence.joined, len(evidence), 1)
    return Score(float(np.nanmean(curve)) if evidence.joined.any() else 1.0, curve)


@of_frames
def disorder(evidence: Evidence) -> Score:
    """How little the order of the frames follows their likeness; 0 ordered, towards 1 shuffled.

    With d(s, t) the distance of normalized thumbnails, a shift of the whole picture taken out:
    (mean d of neighbors in time - mean d of nearest frames) / (mean d of all within 16 frames).
    Ordered video: its neighbors are its nearest, 0. Shuffled: neighbors are any. A still noisy
    clip: all distances are alike, 0.
    """
    curve = np.full(len(evidence), np.nan)
    tiles = thumbnails(evidence)
    for shot in evidence.shots:
        if len(shot) >= 5:
            curve[shot.start : shot.stop - 1] = shot_disorder(tiles[shot.start : shot.stop])
    return Score(float(np.nanmean(curve)) if np.isfinite(curve).any() else 0.0, curve)


def shot_disorder(tiles: np.ndarray, reach: int = 16) -> np.ndarray:
    n = len(tiles)
    near = np.full((n, n), np.nan)
    for lag in range(1, min(reach, n - 1) + 1):
        distance = unshifted_distance(tiles[:-lag], tiles[lag:])
        index = np.arange(n - lag)
        near[index, index + lag] = near[index + lag, index] = distance
    nearest, everything = np.nanmin(near, axis=1), np.nanmean(near)
    beside = near[np.arange(n - 1), np.arange(1, n)]
    either = np.minimum(nearest[:-1], nearest[1:])
    return np.clip((beside - either) / (everything + 1e-3), 0, None)


def unshifted_distance(tiles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mean absolute difference (n,) of pictures (n h w), what a small shift explains taken out.

    The shift is that of least squares on the gradients (Lucas and Kanade 1981); the border, which
    shifts bring in, is left out.
    """
    mean, inside = (tiles + others) / 2, np.s_[:, 1:-1, 1:-1]
    across, down = (np.gradient(mean, axis=axis)[inside].reshape(len(tiles), -1) for axis in (2, 1))
    difference = (others - tiles)[inside].reshape(len(tiles), -1)
    xx, yy, xy = (across**2).sum(1) + RIDGE, (down**2).sum(1) + RIDGE, (across * down).sum(1)
    x, y = (across * difference).sum(1), (down * difference).sum(1)
    shift_x, shift_y = (np.stack([yy * x - xy * y, xx * y - xy * x]) / (xx * yy - xy**2))[..., None]
    return np.abs(difference - shift_x * across - shift_y * down).mean(1)


def thumbnails(evidence: Evidence) -> np.ndarray:
    """Make blurred luma thumbnails with mean 0 and deviation 1: exposure plays no part."""
    small = (resized(image, THUMBNAIL) for image in evidence.luma)
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), 1.0) for image in small])
    centered = blurred - blurred.mean((1, 2), keepdims=True)
    return centered / (centered.std((1, 2), keepdims=True) + 1)


def nan_median(curve: np.ndarray) -> float:
    defined = curve[np.isfinite(curve)]
    return float(np.median(defined)) if len(defined) else 0.0
