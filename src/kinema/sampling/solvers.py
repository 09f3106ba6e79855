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
from functools import cached_property
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from kinema.diffusion.path import Path, per_frame

DenoiseFn = Callable[[Tensor, Tensor], Tensor]  # (x: b c f h w, t: b f) -> x0: b c f h w


@dataclass(frozen=True)
class Step:
    """One row of the plan to the next: t and t_next, each (b, f) or (1, f), on a path."""

    path: Path
    t: Tensor
    t_next: Tensor

    @cached_property
    def alpha(self) -> Tensor:
        return self.path.alpha(self.t)

    @cached_property
    def sigma(self) -> Tensor:
        return self.path.sigma(self.t)

    @cached_property
    def alpha_next(self) -> Tensor:
        return self.path.alpha(self.t_next)

    @cached_property
    def sigma_next(self) -> Tensor:
        return self.path.sigma(self.t_next)

    @cached_property
    def moves(self) -> Tensor:
        return self.t_next != self.t

    @cached_property
    def stays_noisy(self) -> Tensor:
        """Where the step ends in noise."""
        return self.moves & (self.t_next > 0)

    @cached_property
    def log_snr_gain(self) -> Tensor:
        """h = log(alpha' / sigma') - log(alpha / sigma), inf from pure noise or to clean."""
        return (self.alpha_next * self.sigma / (self.sigma_next * self.alpha)).log()

    def apply(self, x: Tensor, x0: Tensor, eta: float = 0.0, noise: Tensor | None = None) -> Tensor:
        """Apply the step formula above: x at t -> x at t_next."""
        sigma = torch.where(self.moves, self.sigma, 1.0)  # a given frame has sigma 0 and no step
        alpha_next = torch.where(self.moves, self.alpha_next, 1.0)
        ratio = self.sigma_next * self.alpha / (alpha_next * sigma)
        fresh = eta * self.sigma_next * (1 - ratio.square()).clamp(min=0).sqrt()
        kept = (self.sigma_next.square() - fresh.square()).clamp(min=0).sqrt() / sigma
        x_next = per_frame(alpha_next - kept * self.alpha).to(x) * x0 + per_frame(kept).to(x) * x
        if noise is not None:
            x_next = x_next + per_frame(fresh).to(x) * noise
        return torch.where(per_frame(self.moves).to(x.device), x_next, x)


@dataclass(frozen=True)
class Past:
    """The step before: itself, and the denoised x0 at its start."""

    step: Step
    x0: Tensor


class Solver(Protocol):
    """How the x0 of the step formula is estimated, and how much fresh noise a step adds."""

    @property
    def eta(self) -> float: ...

    @property
    def looks_ahead(self) -> bool:
        """Whether a step to noise also asks for the x0 at its end, where Euler's step leads."""
        ...

    def estimate(self, x0: Tensor, step: Step, past: Past | None, ahead: Tensor | None) -> Tensor:
        """x0 for the step formula, given the denoised x0 at the start of the step and ahead."""
        ...


@dataclass(frozen=True)
class Euler:
    """First order. eta = 0 is DDIM, and Euler on the velocity of the linear path; 1 is DDPM."""

    eta: float = 0.0
    looks_ahead: ClassVar[bool] = False

    def estimate(self, x0: Tensor, step: Step, past: Past | None, ahead: Tensor | None) -> Tensor:
        return x0


@dataclass(frozen=True)
class Ancestral(Euler):
    """DDPM's ancestral sampling (Ho et al. 2020): Euler with all noise drawn afresh."""

    eta: float = 1.0


@dataclass(frozen=True)
class Heun:
    """Second order, two denoisings a step: the mean of the velocities at both ends.

    The velocity is that of the linear path, onto which any path rescales: x / (alpha + sigma) at
    time tau = sigma / (alpha + sigma). Averaging velocities is adding tau / (2 tau') of the change
    of x0, finite from pure noise on. A step to clean is Euler's, as in EDM (algorithm 1).
    """

    eta: ClassVar[float] = 0.0
    looks_ahead: ClassVar[bool] = True

    def estimate(self, x0: Tensor, step: Step, past: Past | None, ahead: Tensor | None) -> Tensor:
        if ahead is None:
            return x0
        tau = step.sigma / (step.alpha + step.sigma)
        tau_next = step.sigma_next / (step.alpha_next + step.sigma_next)
        noisy = torch.where(step.stays_noisy, tau_next, 1.0)
        weight = torch.where(step.stays_noisy, tau / (2 * noisy), 0.0)
        return x0 + per_frame(weight).to(x0) * (ahead - x0)


@dataclass(frozen=True)
class DPMpp2M:
    """DPM-Solver++ (2M), Lu et al. 2022: second order, x0 extrapolated from the step before.

    Half a step ahead in log SNR: x0 + h / (2 h_past) (x0 - x0_past). A frame that stood still in
    the step before, or comes from pure noise, or goes to clean, takes Euler's step.
    """

    eta: ClassVar[float] = 0.0
    looks_ahead: ClassVar[bool] = False

    def estimate(self, x0: Tensor, step: Step, past: Past | None, ahead: Tensor | None) -> Tensor:
        if past is None:
            return x0
        h, h_past = step.log_snr_gain, past.step.log_snr_gain
        usable = h.isfinite() & h_past.isfinite() & past.step.moves
        weight = torch.where(usable, h / (2 * torch.where(usable, h_past, 1.0)), 0.0)
        return x0 + per_frame(weight).to(x0) * (x0 - past.x0)


@dataclass(frozen=True)
class DPMpp2MSDE(DPMpp2M):
    """SDE-DPM-Solver++ (2M): the same extrapolation, all noise drawn afresh."""

    eta: ClassVar[float] = 1.0


SOLVERS: dict[str, Solver] = {
    "euler": Euler(),
    "ddim": Euler(),
    "ancestral": Ancestral(),
    "ddpm": Ancestral(),
    "heun": Heun(),
    "dpmpp_2m": DPMpp2M(),
    "dpmpp_2m_sde": DPMpp2MSDE(),
}


def network_times(t: Tensor, x: Tensor) -> Tensor:
    """A row of the plan as (b, f) for a network: float32 (never half), or float64 where x is."""
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    return t.to(device=x.device, dtype=dtype).expand(x.shape[0], -1)
