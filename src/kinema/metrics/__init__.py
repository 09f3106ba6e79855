"""Frames in, scores out: functions of uint8 frames (f h w 3) that never see a model."""

from kinema.metrics.comparison import Comparison, compare, compare_sets, show_the_same
from kinema.metrics.evidence import Evidence, Score, observe
from kinema.metrics.features.distances import Distance, frechet_distance, kernel_distance
from kinema.metrics.features.fidelity import ms_ssim, psnr, ssim
from kinema.metrics.intervals import wilson_interval
from kinema.metrics.preference import bradley_terry
from kinema.metrics.temporal.cuts import find_cuts
from kinema.metrics.temporal.movement import Motion, motion_magnitude
from kinema.metrics.temporal.vbench import dynamic_degree, temporal_flickering
from kinema.metrics.temporal.warping import (
    WarpingError,
    textbook_warping_error,
    unwarped_difference,
    warping_error,
)
from kinema.metrics.vector import METRICS, measure
from kinema.metrics.verdicts import FAULTS, Failure, diagnose

__all__ = [
    "FAULTS",
    "METRICS",
    "Comparison",
    "Distance",
    "Evidence",
    "Failure",
    "Motion",
    "Score",
    "WarpingError",
    "bradley_terry",
    "compare",
    "compare_sets",
    "diagnose",
    "dynamic_degree",
    "find_cuts",
    "frechet_distance",
    "kernel_distance",
    "measure",
    "motion_magnitude",
    "ms_ssim",
    "observe",
    "psnr",
    "show_the_same",
    "ssim",
    "temporal_flickering",
    "textbook_warping_error",
    "unwarped_difference",
    "warping_error",
    "wilson_interval",
]
