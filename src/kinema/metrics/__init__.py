"""Frames in, scores out: functions of uint8 frames (f h w 3) that never see a model."""

from kinema.metrics.fidelity import psnr, ssim
from kinema.metrics.intervals import wilson_interval
from kinema.metrics.movement import Motion, motion_magnitude
from kinema.metrics.warping import (
    WarpingError,
    textbook_warping_error,
    unwarped_difference,
    warping_error,
)

__all__ = [
    "Motion",
    "WarpingError",
    "motion_magnitude",
    "psnr",
    "ssim",
    "textbook_warping_error",
    "unwarped_difference",
    "warping_error",
    "wilson_interval",
]
