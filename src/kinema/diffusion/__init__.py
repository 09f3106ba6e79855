"""The mathematics of noise: paths, predictions, times per frame, and the loss."""

from kinema.diffusion.noise import (
    GivenFrames,
    Interpolation,
    LogitNormal,
    Mixture,
    PerFrame,
    Staircase,
    Times,
    Uniform,
)
from kinema.diffusion.objective import loss, loss_weight
from kinema.diffusion.path import (
    DDPM,
    PATHS,
    PREDICTIONS,
    Cosine,
    Linear,
    Path,
    Prediction,
    RowNoise,
    noise_like_rows,
    per_frame,
    prediction_named,
    shift_times,
)

__all__ = [
    "DDPM",
    "PATHS",
    "PREDICTIONS",
    "Cosine",
    "GivenFrames",
    "Interpolation",
    "Linear",
    "LogitNormal",
    "Mixture",
    "Path",
    "PerFrame",
    "Prediction",
    "RowNoise",
    "Staircase",
    "Times",
    "Uniform",
    "loss",
    "loss_weight",
    "noise_like_rows",
    "per_frame",
    "prediction_named",
    "shift_times",
]
