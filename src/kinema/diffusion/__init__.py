"""The mathematics of noise: paths, predictions, times per frame, and the loss."""

from kinema.diffusion.noise import (
    GivenFrames,
    Interpolation,
    LogitNormal,
    Mixture,
    PerFrame,
    RowNoise,
    Staircase,
    Times,
    Uniform,
    noise_like_rows,
    shift_times,
)
from kinema.diffusion.objective import loss, loss_weight
from kinema.diffusion.path import DDPM, PATHS, Cosine, Linear, Path, per_frame
from kinema.diffusion.prediction import PREDICTIONS, Prediction, prediction_named

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
