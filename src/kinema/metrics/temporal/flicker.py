"""Flicker: what differs in one frame only, after motion and exposure have been taken out.

Each frame is compared with the mean of its two neighbors, both carried to it along the flow (a
second difference in time along the motion). What remains is split by its grain in space: single
pixels are noise, patches of a few pixels are texture that boils.
"""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, frame_curve, of_frames, trimmed_mean
from kinema.metrics.temporal.lighting import pair_gains
from kinema.motion.patches import slopes

PATCH = 5  # pixels: noise averages out over a patch, texture does not
HIGH_PASS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # Immerkaer 1996
HIGH_PASS_GAIN = 6.0  # its standard deviation on white noise of unit variance
DARKEST, BRIGHTEST = 16, 240  # gray levels: beyond them grain is cut off
SURPRISE_GAIN = np.sqrt(1.5)  # the same for a frame minus the mean of two neighbors


@of_frames
def flicker(evidence: Evidence) -> Score:
    """Motion-compensated second difference over the mean gradient, pixels; 0 is steady.

    mean |I_t - (I_{t-1} + I_{t+1}) / 2 carried to t| / mean |grad I_t|. Divided by the gradient
    it reads as a displacement, and does not grow with contrast. A clean clip has about 0.1-0.4.
    Sees everything that is not steady; says not what. A frozen clip scores 0.
    """
    return over_gradient(evidence, np.abs(evidence.surprise).mean((1, 2)))


@of_frames
def texture_flicker(evidence: Evidence) -> Score:
    """The same for patches of 5 x 5 pixels after the exposure is equalized, pixels; 0 is steady.

    Averaging over patches leaves boiling texture and removes grain.
    """
    gains = pair_gains(evidence)
    correction = (gains[:-1] - gains[1:]) / 2  # by how much frame t is too bright, natural log
    amounts = [
        np.abs(cv2.blur(surprise - excess * image, (PATCH, PATCH))).mean()
        for surprise, excess, image in zip(
            evidence.surprise, correction, evidence.luma[1:-1], strict=True
        )
    ]
    return over_gradient(evidence, np.asarray(amounts, np.float64))


@of_frames
def noise(evidence: Evidence) -> Score:
    """Standard deviation of grain that changes from frame to frame, native gray levels; 0 is clean.

    Median absolute high-pass of the surprise over the flatter half of the picture, scaled to a
    Gaussian: texture and edges, where the flow errs, are not looked at. Reads up to a fifth low, as
    flow fits itself to noise. Where frames were averaged down to the working size, grain with them,
    the value is multiplied by the reduction, but no more than the tiles at the native size show.
    """
    sigmas = np.array(
        [
            grain_of(surprise, gradient)
            for surprise, gradient in zip(evidence.surprise, evidence.gradient[1:-1], strict=True)
        ]
    )
    if evidence.tiles is not None and len(sigmas):
        native = native_grain(evidence.tiles)
        sigmas = np.maximum(np.minimum(evidence.reduction * sigmas, native), sigmas)
    curve = frame_curve(sigmas, evidence.inner, len(evidence), 1)
    return Score(trimmed_mean(curve), curve)


def grain_of(surprise: np.ndarray, gradient: np.ndarray) -> float:
    """Estimate the grain, gray levels, of a surprise (h w), in its flatter half."""
    grain = np.abs(cv2.filter2D(surprise, cv2.CV_32F, HIGH_PASS))[::2, ::2]
    flat = gradient[::2, ::2] <= np.median(gradient[::4, ::4])
    return float(np.median(grain[flat])) / (0.6745 * HIGH_PASS_GAIN * SURPRISE_GAIN)


def native_grain(tiles: np.ndarray) -> np.ndarray:
    """Estimate the grain in tiles (f n h w) of each inner frame, of the calmest quarter; (f-2,).

    Nothing is carried along the motion: in calm tiles there is little. Black and white tiles, in
    which half of the grain is cut off, do not count.
    """
    sigmas = []
    for before, now, after in zip(tiles[:-2], tiles[1:-1], tiles[2:], strict=True):
        surprise = now - (before.astype(np.float32) + after) / 2
        lit = [n for n, tile in enumerate(now) if DARKEST < tile.mean() < BRIGHTEST]
        slope = (cv2.magnitude(*slopes(now[n].astype(np.float32))) for n in lit)
        seen = [grain_of(surprise[n], gradient) for n, gradient in zip(lit, slope, strict=True)]
        sigmas.append(np.quantile(seen, 0.25) if seen else 0.0)
    return np.array(sigmas)


@of_frames
def fast_share(evidence: Evidence) -> Score:
    """Share of the temporal energy above half the Nyquist frequency, [0, 1]; white noise has 0.5.

    Spectrum over time of a 32-pixel-wide luma thumbnail, the mean removed, Hann window. Needs no
    flow. The curve is empty: a spectrum belongs to the whole clip.
    """
    curve = np.full(len(evidence), np.nan)
    if len(evidence) < 8:
        return Score(0.0, curve)
    h, w = evidence.luma.shape[1:]
    small = (32, max(2, round(32 * h / w)))
    tiles = np.stack(
        [cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in evidence.luma]
    )
    window = np.hanning(len(tiles) + 2)[1:-1, None, None]
    energy = np.abs(np.fft.rfft((tiles - tiles.mean(0)) * window, axis=0)) ** 2
    energy = energy.sum((1, 2))[1:]
    return Score(energy[len(energy) // 2 :].sum() / (energy.sum() + 1e-3), curve)


def over_gradient(evidence: Evidence, amounts: np.ndarray) -> Score:
    """Amount per inner frame over that frame's mean gradient."""
    gradient = evidence.gradient[1:-1].mean((1, 2)) + 0.25  # a flat picture has none
    curve = frame_curve(amounts / gradient, evidence.inner, len(evidence), 1)
    return Score(trimmed_mean(curve), curve)
