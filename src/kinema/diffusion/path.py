"""A path from data to noise: `x = alpha(t) * x0 + sigma(t) * noise`, with t in [0, 1] and 0 clean.

Everything the samplers and losses need of a schedule is alpha, sigma and their derivatives, so one
vocabulary serves flow matching (Linear), the cosine schedule and DDPM's betas. Every method is
elementwise; tensors of video get one time per frame through `per_frame`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import torch
from einops import rearrange
from torch import Tensor


def per_frame(t: Tensor) -> Tensor:
    """(b, f) -> (b, 1, f, 1, 1), to multiply x: b c f h w."""
    return rearrange(t, "b f -> b 1 f 1 1")


class Path(Protocol):
    """The pair (alpha, sigma) as functions of t, elementwise on a tensor of any shape."""

    def alpha(self, t: Tensor) -> Tensor: ...

    def sigma(self, t: Tensor) -> Tensor: ...

    def d_alpha(self, t: Tensor) -> Tensor: ...

    def d_sigma(self, t: Tensor) -> Tensor: ...

    def time_of(self, ratio: Tensor) -> Tensor:
        """The time at which sigma / alpha equals `ratio` (the noise scale of EDM); inf gives 1."""
        ...

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Noised video, b c f h w, each frame at its own level t: b f."""
        alpha, sigma = per_frame(self.alpha(t)), per_frame(self.sigma(t))
        return alpha.to(x0) * x0 + sigma.to(x0) * noise


@dataclass(frozen=True)
class Linear(Path):
    """Flow matching (Lipman et al. 2023; Liu et al. 2023): alpha = 1 - t, sigma = t."""

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def sigma(self, t: Tensor) -> Tensor:
        return t

    def d_alpha(self, t: Tensor) -> Tensor:
        return -torch.ones_like(t)

    def d_sigma(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def time_of(self, ratio: Tensor) -> Tensor:
        return torch.where(ratio.isinf(), 1.0, ratio / (1 + ratio))


@dataclass(frozen=True)
class Cosine(Path):
    """Variance preserving on a quarter circle: alpha = cos(pi t / 2), sigma = sin(pi t / 2)."""

    def alpha(self, t: Tensor) -> Tensor:
        return torch.sin(math.pi / 2 * (1 - t))  # cos(pi t / 2), and exactly 0 at t = 1

    def sigma(self, t: Tensor) -> Tensor:
        return torch.sin(math.pi / 2 * t)

    def d_alpha(self, t: Tensor) -> Tensor:
        return -math.pi / 2 * self.sigma(t)

    def d_sigma(self, t: Tensor) -> Tensor:
        return math.pi / 2 * self.alpha(t)

    def time_of(self, ratio: Tensor) -> Tensor:
        return torch.atan(ratio) * (2 / math.pi)


Betas = Literal["linear", "scaled_linear"]
BETA_RANGES: dict[str, tuple[float, float]] = {
    "linear": (1e-4, 0.02),  # Ho et al. 2020
    "scaled_linear": (0.00085, 0.012),  # Rombach et al. 2022: linear in sqrt(beta)
}


@dataclass(frozen=True)
class DDPM(Path):
    """The discrete betas of DDPM as a continuous, variance-preserving path.

    Training timestep n = 0 ... N-1 sits at t = (n + 1) / N, where alpha^2 is exactly
    `alphas_cumprod[n]`; t = 0 is clean; between the knots alpha is linear in t.

    Args:
        betas: "linear" (Ho et al. 2020) or "scaled_linear" (Rombach et al. 2022).
        zero_terminal_snr: rescale so that alpha(1) = 0 (Lin et al. 2024, algorithm 1).
        num_train_steps: N.
        beta_range: first and last beta; None takes the range published with `betas`.
    """

    betas: Betas = "linear"
    zero_terminal_snr: bool = False
    num_train_steps: int = 1000
    beta_range: tuple[float, float] | None = None

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - self._deficit(t)[0]

    def sigma(self, t: Tensor) -> Tensor:
        deficit, _ = self._deficit(t)
        return (deficit * (2 - deficit)).sqrt()  # sqrt(1 - alpha^2) without cancellation near 0

    def d_alpha(self, t: Tensor) -> Tensor:
        return -self._deficit(t)[1]

    def d_sigma(self, t: Tensor) -> Tensor:
        # from alpha^2 + sigma^2 = 1; sigma grows like sqrt(t), so its slope is bounded by hand at 0
        return -self.alpha(t) * self.d_alpha(t) / self.sigma(t).clamp(min=1e-4)

    def time_of(self, ratio: Tensor) -> Tensor:
        table = alpha_deficits(self).to(ratio)
        deficit = (1 - torch.rsqrt(1 + ratio.square())).clamp(max=table[-1])
        right = torch.searchsorted(table, deficit.contiguous()).clamp(1, self.num_train_steps)
        left = right - 1
        fraction = (deficit - table[left]) / (table[right] - table[left])
        return (left + fraction) / self.num_train_steps

    def time_of_step(self, timesteps: Tensor) -> Tensor:
        """The time t of training timesteps n in 0 ... N-1, as other libraries count them."""
        return (timesteps.double() + 1) / self.num_train_steps

    def step_of_time(self, t: Tensor) -> Tensor:
        """The (fractional) training timestep of t, for networks trained on timesteps."""
        return t * self.num_train_steps - 1

    def _deficit(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """1 - alpha(t) and its slope in t."""
        table = alpha_deficits(self).to(t)
        position = t * self.num_train_steps
        left = position.floor().long().clamp(0, self.num_train_steps - 1)
        rise = table[left + 1] - table[left]
        return table[left] + (position - left) * rise, rise * self.num_train_steps


@lru_cache(maxsize=16)
def alpha_deficits(path: DDPM) -> Tensor:
    """1 - alpha at t = 0, 1/N, ..., 1 in float64 (1 - alpha, for it keeps its digits near 0)."""
    first, last = path.beta_range or BETA_RANGES[path.betas]
    power = 1 if path.betas == "linear" else 2
    ends = first ** (1 / power), last ** (1 / power)
    betas = torch.linspace(*ends, path.num_train_steps, dtype=torch.float64) ** power
    alphas = (1 - betas).cumprod(0).sqrt()
    if path.zero_terminal_snr:
        alphas = (alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])
    return torch.cat([torch.zeros(1, dtype=torch.float64), 1 - alphas])


PATHS: dict[str, Path] = {
    "linear": Linear(),
    "cosine": Cosine(),
    "ddpm": DDPM(),
    "ddpm_scaled": DDPM(betas="scaled_linear"),
    "ddpm_zero_snr": DDPM(betas="scaled_linear", zero_terminal_snr=True),
}
