"""The training loss: predict anything, measure the error in any other space.

With determinants d as in prediction.py, an error e of the network's output is an error
`e * d_measure / d_prediction` in the space where the loss is measured. JiT (Li & He 2025) is the
default: predict x0, measure velocity, and keep the divisor (there sigma) above 0.05.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kinema.diffusion.path import Path, Prediction, prediction_named

Network = Callable[[Tensor, Tensor, Any], Tensor]

MIN_DETERMINANT = 0.05  # JiT section 4: velocity from x0 divides by t, clamped at 0.05


def loss(
    network: Network,
    x0: Tensor,
    conditions: Any,
    t: Tensor,
    noise: Tensor,
    path: Path,
    prediction: str | Prediction,
    measure: str | Prediction = "velocity",
) -> Tensor:
    """Mean squared error per row, (b,), over the frames that carry noise.

    Frames with t = 0 are context: the network sees them and they cost nothing.

    Args:
        network: (x, t, conditions) -> output, of the shape of x.
        x0: clean video or latents, b c f h w.
        conditions: passed through to the network.
        t: b f in [0, 1], one noise level per frame.
        noise: b c f h w, standard normal.
        path: maps t to alpha and sigma.
        prediction: what the network outputs.
        measure: the space in which the error is squared.
    """
    output = network(path.add_noise(x0, noise, t), t, conditions)
    target = prediction_named(prediction).target(path, x0, noise, t)
    squared = (output.float() - target.float()).square().mean(dim=(1, 3, 4))
    weighted = loss_weight(path, t, prediction, measure) * squared
    noisy = t > 0
    return torch.where(noisy, weighted, 0.0).sum(1) / noisy.sum(1).clamp(min=1)


def loss_weight(
    path: Path, t: Tensor, prediction: str | Prediction, measure: str | Prediction
) -> Tensor:
    """(d_measure / d_prediction)^2, of the shape of t, with |d_prediction| at least 0.05."""
    prediction, measure = prediction_named(prediction), prediction_named(measure)
    if prediction == measure:
        return torch.ones_like(t)
    divisor = prediction.determinant(path, t).abs().clamp(min=MIN_DETERMINANT)
    return (measure.determinant(path, t) / divisor).square()
