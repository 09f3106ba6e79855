"""Frames in, scores out: functions of uint8 frames (f h w 3) that never see a model."""

from kinema.metrics.fidelity import psnr, ssim

__all__ = ["psnr", "ssim"]
