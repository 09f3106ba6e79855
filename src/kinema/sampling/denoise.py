"""`denoise(x, t) -> x0`: network, path, prediction and conditions folded into one function.

This is all a sampler sees of a model, and what guidance wraps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kinema.conditions import Conditions, cat_conditions
from kinema.diffusion.objective import Network
from kinema.diffusion.path import Path
from kinema.diffusion.prediction import Prediction, prediction_named
from kinema.sampling.solvers import DenoiseFn


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
    conditions: Conditions | None = None

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """x0, b c f h w; frames with t = 0 come back as they are."""
        output = self.network(x, t, self.conditions)
        return prediction_named(self.prediction).to_x0(self.path, output.to(x), x, t)


def denoise_all(denoises: Sequence[DenoiseFn], x: Tensor, t: Tensor) -> list[Tensor]:
    """The x0 of every denoiser, in one call of the network where only the conditions differ."""
    joint = in_one_call(denoises)
    if joint is None:
        return [denoise(x, t) for denoise in denoises]
    n = len(denoises)
    return list(joint(torch.cat([x] * n), torch.cat([t] * n)).chunk(n))


def in_one_call(denoises: Sequence[DenoiseFn]) -> Denoise | None:
    """One denoiser for the rows of all, where network, path and prediction are the same.

    None where they are not, or where a condition is present in some of them only.
    """
    first = denoises[0]
    if not isinstance(first, Denoise):
        return None
    conditions: list[Conditions] = []
    for other in denoises:
        if not isinstance(other, Denoise) or other.conditions is None:
            return None
        if other.network is not first.network:
            return None
        if (other.path, other.prediction) != (first.path, first.prediction):
            return None
        conditions.append(other.conditions)
    if any(set(one.names) != set(conditions[0].names) for one in conditions):
        return None
    return replace(first, conditions=cat_conditions(conditions))
