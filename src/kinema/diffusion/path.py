"""A path from data to noise: `x = alpha(t) * x0 + sigma(t) * noise`, with t in [0, 1] and 0 clean.

Everything the samplers and losses need of a schedule is alpha, sigma and their derivatives, so one
vocabulary serves flow matching (Linear), the cosine schedule and DDPM's betas. Every method is
elementwise; tensors of video get one time per frame through `per_frame`.

A network outputs a prediction, each a combination of x0 and noise:

    output = a * x0 + b * noise,    x = alpha * x0 + sigma * noise

so two coefficients (a, b) define it, and solving the two equations gives everything: with the
determinant d = alpha * b - sigma * a,

    x0 = (b * x - sigma * output) / d,    output = (b * x - d * x0) / sigma.

An error in one prediction is an error in another times the ratio of their determinants, which is
why the choice of prediction and the choice of loss are independent (see objective.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import torch
from einops import rearrange
from torch import Generator, Tensor

from kinema.errors import UserError, nearest


def per_frame(t: Tensor) -> Tensor:
    """(b, f) -> (b, 1, f, 1, 1), to multiply x: b c f h w."""
    return rearrange(t, "b f -> b 1 f 1 1")


def shift_times(t: Tensor, shift: float) -> Tensor:
    """Move times towards noise for shift > 1: shift t / (1 + (shift - 1) t) (SD3, eq. 23)."""
    return shift * t / (1 + (shift - 1) * t)


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


SMALLEST_DIVISOR = 1e-3  # eps says nothing of x0 where alpha = 0, nor x0 of eps where sigma = 0


@dataclass(frozen=True)
class Prediction:
    """A target of the network, `a * x0 + b * noise`."""

    name: str  # its key in PREDICTIONS
    # (path, t) -> (a, b), each of the shape of t
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


# ---- noise ---------------------------------------------------------------------------------------
# Every row of a batch, and every frame of a long video, has its own, from its own seed: a row never
# depends on its batch, nor a frame on how much was drawn before it.


class RowNoise:
    """Standard normal noise in which every row of the batch has its own random stream and seed.

    There are independent streams of the same seeds: 0 starts a sample, 1 feeds its solver.
    """

    def __init__(self, seeds: Sequence[int], stream: int = 0):
        golden = 0x9E3779B97F4A7C15  # spreads the streams far apart among the 63-bit seeds
        self.generators = [
            Generator().manual_seed((int(seed) + stream * golden) % 2**63) for seed in seeds
        ]

    def __call__(self, shape: Sequence[int]) -> Tensor:
        """Noise of `shape`, whose first axis is the row, float32 on the CPU."""
        if shape[0] != len(self.generators):
            raise UserError(f"{len(self.generators)} seeds for {shape[0]} rows: give one a row.")
        return torch.stack([torch.randn(*shape[1:], generator=g) for g in self.generators])


def noise_like_rows(shape: Sequence[int], seeds: Sequence[int]) -> Tensor:
    """Noise of shape (b, ...), row i from seeds[i] alone: a row of a batch is that row alone."""
    return RowNoise(seeds)(shape)


# The blocks of one video draw their noise this far apart. Odd, and no power of two: the generator
# of a CPU looks at the lower 32 bits of a seed alone.
SEED_STRIDE = 0xC2B2AE35
# Independent streams of the same seeds. A stream has streams of its own, numbered as digits to the
# base 4 that are appended, so that the keys of keys have their own noise.
START, FRESH, HISTORY, KEYS = range(4)


class FrameNoise:
    """Standard normal noise of an endless video.

    Args:
        seeds: one per row of the batch.
        shape: (c, h, w) of a frame.
        block: frames that are drawn together. The first block is `noise_like_rows` of its shape,
            so that a video of one window is the ordinary sampler's, bit for bit.
        stream: independent streams of the same seeds.
        like: gives the noise its type and its device.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: tuple[int, int, int],
        block: int = 1,
        stream: int = START,
        like: Tensor | None = None,
    ) -> None:
        self.seeds, self.shape, self.block, self.stream = list(seeds), shape, block, stream
        self.like = torch.empty(0) if like is None else like

    def __call__(self, start: int, stop: int) -> Tensor:
        """Noise of the frames start ... stop - 1: b c f h w."""
        first, last = start // self.block, (stop - 1) // self.block
        blocks = [self._block(number) for number in range(first, last + 1)]
        offset = first * self.block
        return torch.cat(blocks, dim=2)[:, :, start - offset : stop - offset].to(self.like)

    def other(self, stream: int) -> FrameNoise:
        """The stream of this one that is called FRESH, HISTORY or KEYS."""
        return FrameNoise(self.seeds, self.shape, self.block, 4 * self.stream + stream, self.like)

    def fresh(self, position: int) -> RowNoise:
        """What a stochastic solver draws in the walk that begins at `position`."""
        return self.other(FRESH)._rows(position)

    def _block(self, number: int) -> Tensor:
        c, h, w = self.shape
        return self._rows(number)((len(self.seeds), c, self.block, h, w))

    def _rows(self, number: int) -> RowNoise:
        return RowNoise([seed + number * SEED_STRIDE for seed in self.seeds], self.stream)
