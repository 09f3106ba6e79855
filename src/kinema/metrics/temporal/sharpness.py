"""Sharpness, and how it changes over the clip: growing blur is how long rollouts decay."""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, frame_curve, of_frames
from kinema.motion.patches import slopes

COARSE = 4  # how much smaller a frame must be for blur to leave its detail alone
MOVING = 0.3  # pixels a frame at the working size, of pixels that can leave a trail
FEWEST = 0.01  # share of the pixels that must move


@of_frames
def detail(evidence: Evidence) -> Score:
    """log2 of the variance of the luma's Laplacian at the native size, mean over the frames.

    Halving the amplitude of fine detail costs 2. Depends on content: compare like with like.
    """
    return Score(evidence.detail.mean(), evidence.detail)


@of_frames
def crispness(evidence: Evidence) -> Score:
    """Fine detail against coarse detail, log2 of the ratio of their Laplacians' variances.

    The coarse one is taken on the working frame shrunk to a quarter, which blur hardly touches, so
    a change of contrast or of what is in view cancels to first order. Noise raises it.
    """
    fine_less_coarse = evidence.detail - np.array([coarse_detail(image) for image in evidence.luma])
    return Score(fine_less_coarse.mean(), fine_less_coarse)


@of_frames
def trail(evidence: Evidence) -> Score:
    """How much smoother moving things are along their motion than across it, log2; 0 is alike.

    log2 of the energies of the luma's gradient across and along the flow, over the pixels that
    move. Ghosts of the frames before, and motion blur, smear things along their way. NaN, which is
    "cannot tell", where less than 1 % of the picture moves in most frames.
    """
    values = []
    for luma, flow in zip(evidence.luma[:-1], evidence.flow.forward, strict=True):
        dx, dy = slopes(luma)
        u, v = flow[..., 0], flow[..., 1]
        speed = np.hypot(u, v)
        moving = speed > MOVING
        if moving.mean() < FEWEST:
            values.append(np.nan)
            continue
        along = np.square((dx * u + dy * v)[moving] / speed[moving]).mean()
        across = np.square((dx * v - dy * u)[moving] / speed[moving]).mean()
        values.append(np.log2((across + 1) / (along + 1)))
    curve = frame_curve(np.asarray(values, np.float64), evidence.joined, len(evidence), 0)
    known = curve[np.isfinite(curve)]
    return Score(np.mean(known) if len(known) > len(evidence) / 2 else np.nan, curve)


@of_frames
def blur_growth(evidence: Evidence) -> Score:
    """Loss of crispness from the first quarter of a shot on, log2 units; 0 keeps it.

    Of the later quarters, the one that lost most: a strong blur reaches the coarse detail in the
    end. The largest of the shots of 8 frames or more, negative when everything sharpens. The curve
    is the loss since the first quarter.
    """
    return loss_over_shots(evidence, crispness(evidence).curve)


@of_frames
def detail_loss(evidence: Evidence) -> Score:
    """The same for the plain detail, which content moves but small frames do not disturb."""
    return loss_over_shots(evidence, evidence.detail)


def loss_over_shots(evidence: Evidence, sharp: np.ndarray) -> Score:
    curve, losses = np.full(len(evidence), np.nan), [0.0]
    shots = [shot for shot in evidence.shots if len(shot) >= 8]
    for shot in shots:
        quarter = len(shot) // 4
        loss = np.median(sharp[shot.start : shot.start + quarter]) - sharp[shot.start : shot.stop]
        curve[shot.start : shot.stop] = loss
        later = np.array_split(loss[quarter:], 3)
        losses.append(max(float(np.median(part)) for part in later))
    return Score(max(losses[1:], default=0.0), curve)


def coarse_detail(image: np.ndarray) -> float:
    h, w = image.shape
    size = (max(1, round(w / COARSE)), max(1, round(h / COARSE)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return float(np.log2(cv2.Laplacian(small, cv2.CV_32F).var() + 1))
