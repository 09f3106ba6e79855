"""Frames in, scores out: functions of uint8 frames (f h w 3) that never see a model.

A map of the room:

- `measure` gives the vector of all scores of a clip, `diagnose` the failures that it shows, and
  `compare` says whether a clip is better than another.
- `temporal/`: how frames follow one another. A score takes frames, or the `Evidence` that `observe`
  makes of them once for all scores.
- `objects/`: what things in a clip do, and whether they keep the laws (`probe_physics`).
- `features/`: fidelity to a reference clip, distances between sets of clips, and encoders.
"""

from kinema.metrics.comparison import Comparison, compare, compare_sets, show_the_same
from kinema.metrics.evidence import Evidence, Score, observe
from kinema.metrics.features.distances import Distance, frechet_distance, kernel_distance
from kinema.metrics.features.fidelity import ms_ssim, psnr, ssim
from kinema.metrics.intervals import mean_interval, wilson_interval
from kinema.metrics.objects.finding import Finding
from kinema.metrics.objects.physics import probe_physics
from kinema.metrics.objects.tracks import follow_objects
from kinema.metrics.preference import bradley_terry
from kinema.metrics.temporal.cuts import find_cuts
from kinema.metrics.temporal.movement import MotionMagnitude, motion_magnitude
from kinema.metrics.temporal.vbench import (
    dynamic_degree,
    motion_smoothness,
    temporal_flickering,
)
from kinema.metrics.temporal.warping import WarpingError, textbook_warping_error, warping_error
from kinema.metrics.vector import CONSISTENCY, METRICS, measure
from kinema.metrics.verdicts import FAULTS, Failure, diagnose

__all__ = [
    "CONSISTENCY", "FAULTS", "METRICS", "Comparison", "Distance", "Evidence", "Failure", "Finding",
    "MotionMagnitude", "Score", "WarpingError", "bradley_terry", "compare", "compare_sets",
    "diagnose", "dynamic_degree", "find_cuts", "follow_objects", "frechet_distance",
    "kernel_distance", "mean_interval", "measure", "motion_magnitude", "motion_smoothness",
    "ms_ssim", "observe", "probe_physics", "psnr", "show_the_same", "ssim", "temporal_flickering",
    "textbook_warping_error", "warping_error", "wilson_interval",
]  # fmt: skip
