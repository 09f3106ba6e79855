"""`denoise(x, t) -> x0`: network, path, prediction and conditions folded into one function.

This is all a sampler sees of a model, and what guidance wraps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from kinema.diffusion.objective import Network
from kinema.diffusion.path import Path
from kinema.diffusion.prediction import Prediction, prediction_named


@dataclass(frozen=True)
class Denoise:
    """A network as a function to clean video.

    Args:
        network: (x: b c f h w, t: b f, conditions) -> output, of the shape of x.
        path: what the network was trained on.
        prediction: what it outputs.
        conditions: what steers the sample, for the b rows.
    """

    network: Network
    path: Path
    prediction: str | Prediction
    conditions: Any = None

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """x0, b c f h w; frames with t = 0 come back as they are."""
        output = self.network(x, t, self.conditions)
        return prediction_named(self.prediction).to_x0(self.path, output.to(x), x, t)
