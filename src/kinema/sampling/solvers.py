"""One step formula; a solver is only a way to estimate the x0 that goes into it.

    x' = alpha' x0 + sqrt(sigma'^2 - s^2) (x - alpha x0) / sigma + s * new noise
    s  = eta sigma' sqrt(1 - (r' / r)^2),   r = sigma / alpha

(DDIM, Song et al. 2021, eq. 12, written for any path). With the denoised x0 and eta = 0 this is
DDIM, and on the linear path Euler on the velocity; with eta = 1 it is DDPM's ancestral step.
DPM-Solver++ (2M), its SDE form and Heun are the same step with x0 extrapolated or averaged.
Times are per frame; a frame whose time does not change stays exactly as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from kinema.diffusion.path import Path, per_frame

DenoiseFn = Callable[[Tensor, Tensor], Tensor]  # (x: b c f h w, t: b f) -> x0: b c f h w


@dataclass(frozen=True)
class Move:
    """One row of the plan to the next: t and t_next, each (b, f) or (1, f), on a path."""

    path: Path
    t: Tensor
    t_next: Tensor

    @property
    def moves(self) -> Tensor:
        return self.t_next != self.t

    def log_snr_gain(self) -> Tensor:
        """h = log(alpha' / sigma') - log(alpha / sigma), inf from pure noise or to clean."""
        alpha, sigma = self.path.alpha(self.t), self.path.sigma(self.t)
        alpha_next, sigma_next = self.path.alpha(self.t_next), self.path.sigma(self.t_next)
        return alpha_next.log() - sigma_next.log() - alpha.log() + sigma.log()

    def step(self, x: Tensor, x0: Tensor, eta: float = 0.0, noise: Tensor | None = None) -> Tensor:
        """The step formula above: x at t -> x at t_next."""
        alpha, sigma = self.path.alpha(self.t), self.path.sigma(self.t)
        alpha_next, sigma_next = self.path.alpha(self.t_next), self.path.sigma(self.t_next)
        sigma = torch.where(self.moves, sigma, 1.0)  # a given frame has sigma = 0 and no step
        ratio = sigma_next * alpha / (torch.where(self.moves, alpha_next, 1.0) * sigma)
        fresh = eta * sigma_next * (1 - ratio.square()).clamp(min=0).sqrt()
        kept = (sigma_next.square() - fresh.square()).clamp(min=0).sqrt() / sigma
        x_next = per_frame(alpha_next - kept * alpha).to(x) * x0 + per_frame(kept).to(x) * x
        if noise is not None:
            x_next = x_next + per_frame(fresh).to(x) * noise
        return torch.where(per_frame(self.moves).to(x.device), x_next, x)


@dataclass(frozen=True)
class Past:
    """The step before: its move and the denoised x0 at its start."""

    move: Move
    x0: Tensor


class Solver(Protocol):
    """How the x0 of the step formula is estimated, and how much fresh noise a step adds."""

    @property
    def eta(self) -> float: ...

    def estimate(
        self, denoise: DenoiseFn, x: Tensor, x0: Tensor, move: Move, past: Past | None
    ) -> Tensor:
        """x0 for the step formula, given the denoised x0 at the start of the move."""
        ...


@dataclass(frozen=True)
class Euler:
    """First order. eta = 0 is DDIM, and Euler on the velocity of the linear path; 1 is DDPM."""

    eta: float = 0.0

    def estimate(
        self, denoise: DenoiseFn, x: Tensor, x0: Tensor, move: Move, past: Past | None
    ) -> Tensor:
        return x0


@dataclass(frozen=True)
class Ancestral(Euler):
    """DDPM's ancestral sampling (Ho et al. 2020): Euler with all noise drawn afresh."""

    eta: float = 1.0


SOLVERS: dict[str, Solver] = {
    "euler": Euler(),
    "ddim": Euler(),
    "ancestral": Ancestral(),
    "ddpm": Ancestral(),
}
