"""Sharpness, and how it changes over the clip: growing blur is how long rollouts decay."""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, of_frames

COARSE = 4  # how much smaller a frame must be for blur to leave its detail alone


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
def blur_growth(evidence: Evidence) -> Score:
    """Loss of crispness from the first quarter of a shot to its last, log2 units; 0 keeps it.

    The largest of the shots of 8 frames or more, negative when everything sharpens. The curve is
    the loss since the first quarter.
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
        losses.append(float(np.median(loss[-quarter:])))
    return Score(max(losses[1:], default=0.0), curve)


def coarse_detail(image: np.ndarray) -> float:
    h, w = image.shape
    size = (max(1, round(w / COARSE)), max(1, round(h / COARSE)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return float(np.log2(cv2.Laplacian(small, cv2.CV_32F).var() + 1))
