"""Exponential moving averages of the weights with power-function profiles (EDM2, Karras 2024).

A power-function average forgets its random start by itself and keeps the same relative width
`sigma_rel` however long the run lasts, so that two tracks (a narrow and a wide one) are enough
to choose from when the run ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


def power_exponent(sigma_rel: float) -> float:
    """The exponent gamma of a profile of relative standard deviation `sigma_rel` (Equation 126).

    sigma_rel² = (gamma + 1) / ((gamma + 2)² (gamma + 3)) is a cubic in gamma; its largest real
    root is the one with gamma >= 0. `sigma_rel` lies in (0, 0.289).
    """
    s = sigma_rel**-2
    return float(np.roots([1, 7, 16 - s, 12 - s]).real.max())


class WeightAverages:
    """Averages of a network's parameters, one per relative width, held in fp32.

    Args:
        network: the network whose trained parameters are followed; frozen ones and buffers are
            taken as they are.
        sigma_rel: one relative width per track, e.g. (0.05, 0.10).
    """

    def __init__(self, network: nn.Module, sigma_rel: tuple[float, ...]):
        self.network = network
        self.exponents = {width: power_exponent(width) for width in sigma_rel}
        self.tracks: dict[float, dict[str, Tensor]] = {
            width: {n: p.detach().float().clone() for n, p in self.parameters()}
            for width in sigma_rel
        }

    def parameters(self) -> list[tuple[str, nn.Parameter]]:
        """The names and parameters of the network that are trained."""
        return [(name, p) for name, p in self.network.named_parameters() if p.requires_grad]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move every track towards the weights after `step` (counted from 1) (Equation 127)."""
        weights = [p.detach().float() for _, p in self.parameters()]
        for width, track in self.tracks.items():
            beta = (1 - 1 / step) ** (self.exponents[width] + 1)
            torch._foreach_lerp_(list(track.values()), weights, 1 - beta)

    @contextmanager
    def applied(self, width: float) -> Iterator[nn.Module]:
        """Within the block the network carries the averaged weights of this track."""
        kept = {name: p.detach().clone() for name, p in self.parameters()}
        self.copy(self.tracks[width])
        try:
            yield self.network
        finally:
            self.copy(kept)

    @torch.no_grad()
    def copy(self, weights: dict[str, Tensor]) -> None:
        """Write weights, such as those of a track, into the network."""
        for name, p in self.parameters():
            p.copy_(weights[name])
