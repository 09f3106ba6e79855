"""What a network predicts: eps, v, velocity or x0, each a combination of x0 and noise.

    output = a * x0 + b * noise,    x = alpha * x0 + sigma * noise

so two coefficients (a, b) define a prediction, and solving the two equations gives everything:
with the determinant d = alpha * b - sigma * a,

    x0 = (b * x - sigma * output) / d,    output = (b * x - d * x0) / sigma.

An error in one prediction is an error in another times the ratio of their determinants, which is
why the choice of prediction and the choice of loss are independent (see objective.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kinema.diffusion.path import Path, per_frame
from kinema.errors import UserError, nearest

SMALLEST_DIVISOR = 1e-3  # eps says nothing of x0 where alpha = 0, nor x0 of eps where sigma = 0


@dataclass(frozen=True)
class Prediction:
    """A target of the network, `a * x0 + b * noise`.

    Args:
        name: its key in PREDICTIONS.
        coefficients: (path, t) -> (a, b), each of the shape of t.
    """

    name: str
    coefficients: Callable[[Path, Tensor], tuple[Tensor, Tensor]]

    def determinant(self, path: Path, t: Tensor) -> Tensor:
        """d = alpha * b - sigma * a, of the shape of t."""
        a, b = self.coefficients(path, t)
        return path.alpha(t) * b - path.sigma(t) * a

    def target(self, path: Path, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What the network should output, b c f h w, for x0 and noise at times t: b f."""
        a, b = self.coefficients(path, t)
        return per_frame(a).to(x0) * x0 + per_frame(b).to(x0) * noise

    def to_x0(self, path: Path, output: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """The clean video that a network's output implies; x itself in frames where t = 0."""
        if self.name == "x0":
            x0 = output
        else:
            _, b = self.coefficients(path, t)
            inverse = bounded_inverse(self.determinant(path, t))
            of_x, of_output = per_frame(b * inverse), per_frame(path.sigma(t) * inverse)
            x0 = of_x.to(x) * x - of_output.to(x) * output
        return torch.where(per_frame(t == 0), x, x0.to(x))

    def from_x0(self, path: Path, x0: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """The output that implies x0: the inverse of `to_x0` wherever 0 < t < 1."""
        if self.name == "x0":
            return x0
        _, b = self.coefficients(path, t)
        inverse = bounded_inverse(path.sigma(t))
        of_x, of_x0 = per_frame(b * inverse), per_frame(self.determinant(path, t) * inverse)
        return of_x.to(x) * x - of_x0.to(x) * x0


def bounded_inverse(d: Tensor) -> Tensor:
    """1 / d, falling to 0 below SMALLEST_DIVISOR: no information, then the mean of the data, 0."""
    return d / d.square().clamp(min=SMALLEST_DIVISOR**2)


PREDICTIONS: dict[str, Prediction] = {
    "eps": Prediction("eps", lambda path, t: (torch.zeros_like(t), torch.ones_like(t))),
    "x0": Prediction("x0", lambda path, t: (torch.ones_like(t), torch.zeros_like(t))),
    # Salimans & Ho 2022
    "v": Prediction("v", lambda path, t: (-path.sigma(t), path.alpha(t))),
    # dx/dt at fixed x0 and noise (Lipman et al. 2023)
    "velocity": Prediction("velocity", lambda path, t: (path.d_alpha(t), path.d_sigma(t))),
}


def prediction_named(prediction: str | Prediction) -> Prediction:
    """The prediction of that name, or the prediction itself.

    Raises:
        UserError: if there is none of that name.
    """
    if isinstance(prediction, Prediction):
        return prediction
    if prediction not in PREDICTIONS:
        raise UserError(
            f"The prediction {prediction!r} is unknown; {nearest(prediction, [*PREDICTIONS])}"
        )
    return PREDICTIONS[prediction]
