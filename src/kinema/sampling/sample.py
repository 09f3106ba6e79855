"""The sampler: from noise to video by the rows of a plan, one step formula a row.

A solver is only a way to estimate the x0 that goes into the formula:

    x' = alpha' x0 + sqrt(sigma'^2 - s^2) (x - alpha x0) / sigma + s * new noise
    s  = eta sigma' sqrt(1 - (r' / r)^2),   r = sigma / alpha

(DDIM, Song et al. 2021, eq. 12, written for any path). With the denoised x0 and eta = 0 this is
DDIM, and on the linear path Euler on the velocity; with eta = 1 it is DDPM's ancestral step.
DPM-Solver++ (2M), its SDE form and Heun are the same step with x0 extrapolated or averaged; UniPC
takes the step before again, once the x0 at its end is known.
Times are per frame; a frame whose time does not change stays exactly as it is.

`Denoise` folds network, path, prediction and conditions into the denoise(x, t) -> x0 that is all a
sampler sees of a model, and what guidance wraps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from kinema.conditions import Conditions, cat_conditions
from kinema.diffusion.objective import Network
from kinema.diffusion.path import Linear, Path, Prediction, RowNoise, per_frame, prediction_named
from kinema.errors import UserError

DenoiseFn = Callable[[Tensor, Tensor], Tensor]  # (x: b c f h w, t: b f) -> x0: b c f h w


@dataclass(frozen=True)
class Step:
    """One row of the plan to the next: t and t_next, each (b, f) or (1, f), on a path."""

    path: Path
    t: Tensor
    t_next: Tensor

    alpha = cached_property(lambda step: step.path.alpha(step.t))
    sigma = cached_property(lambda step: step.path.sigma(step.t))
    alpha_next = cached_property(lambda step: step.path.alpha(step.t_next))
    sigma_next = cached_property(lambda step: step.path.sigma(step.t_next))
    moves = cached_property(lambda step: step.t_next != step.t)

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
    """The step before: itself, the denoised x0 at its start, and what only UniPC asks for."""

    step: Step
    x0: Tensor
    x: Tensor | None = None  # the state at its start
    older: Past | None = None  # the step before it


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


@dataclass(frozen=True)
class UniPC(DPMpp2M):
    """UniPC of order 2 with B(h) = e^h - 1 (Zhao et al. 2023): DPM-Solver++ (2M) and a corrector.

    Its predictor is that of DPM-Solver++ (2M). The x0 at the end of a step then says how x0 changed
    within it, and the step is taken again with that change before the next one begins. Strategies
    that queue or blend frames keep no state from before a step, and take the predictor alone.
    """

    def correction(self, x0: Tensor, past: Past) -> Tensor:
        """Return the x0 with which to take the step `past` again, given the x0 at its end.

        x0_past + rho (x0_older - x0_past) / r + rho_end (x0 - x0_past), with r = -h_older / h: the
        weights that make the step exact for an x0 that is quadratic in log SNR. Without an older
        step rho_end is 1/2. A frame that begins from pure noise or ended clean stays as it is.
        """
        h = past.step.log_snr_gain
        usable = h.isfinite() & past.step.moves
        h = torch.where(usable, h, 1.0)
        ends = torch.where(usable, 0.5, 0.0).to(h)
        change = per_frame(ends).to(x0) * (x0 - past.x0)
        if past.older is None:
            return past.x0 + change
        h_older = past.older.step.log_snr_gain
        linear = usable & h_older.isfinite() & past.older.step.moves
        r = torch.where(linear, -h_older / h, -1.0)
        whole = -1 / torch.expm1(-h)
        phi = whole - 1 / h  # how much of a change that is linear in log SNR the step sees
        square = whole - 2 * phi / h  # and of a quadratic one
        rho = torch.where(linear, (phi - square) / (1 - r), 0.0)
        rho_end = torch.where(linear, phi - rho, ends)
        older = per_frame(rho / r).to(x0) * (past.older.x0 - past.x0)
        return past.x0 + older + per_frame(rho_end).to(x0) * (x0 - past.x0)


SOLVERS: dict[str, Solver] = {
    "euler": Euler(),
    "ddim": Euler(),
    "ancestral": Ancestral(),
    "ddpm": Ancestral(),
    "heun": Heun(),
    "dpmpp_2m": DPMpp2M(),
    "dpmpp_2m_sde": DPMpp2MSDE(),
    "unipc": UniPC(),
}


def network_times(t: Tensor, x: Tensor) -> Tensor:
    """A row of the plan as (b, f) for a network: float32 (never half), or float64 where x is."""
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    return t.to(device=x.device, dtype=dtype).expand(x.shape[0], -1)


NoiseSource = Callable[[Sequence[int]], Tensor]  # shape -> standard normal noise
AfterStep = Callable[[int, Tensor, Tensor], None]  # (step from 1 on, its times (f,), x0 estimated)
# Schedules of others end a little below time 1, where noise still stands for the noisy video.
MOST_SIGNAL = 0.2


@torch.no_grad()
def sample(
    denoise: DenoiseFn,
    noise: Tensor,
    plan: Tensor,
    solver: Solver = Euler(),
    path: Path = Linear(),  # noqa: B008 (frozen)
    known: Tensor | None = None,
    seeds: Sequence[int] | NoiseSource | None = None,
    progress: AfterStep | None = None,
) -> Tensor:
    """Make clean video or latents, b c f h w.

    Args:
        denoise: (x: b c f h w, t: b f) -> x0; t is float32, or float64 where x is.
        noise: standard normal, b c f h w; draw it with `diffusion.noise_like_rows`.
        plan: (num_steps + 1, f) times, from `sampling.plans`.
        solver: how a step estimates x0 and how much noise it renews.
        path: the path on which the network was trained.
        known: clean video or latents, b c f h w, where the plan starts below 1: given frames
            (0), or all of them for video to video. Frames that start at 1 ignore it.
        seeds: one per row, for the fresh noise of a stochastic solver: a row then never depends
            on its batch. Or a function from a shape to noise. Needed where solver.eta > 0.
        progress: called after every step.

    Raises:
        UserError: if the plan does not fit the noise, or needs `known` or `seeds`.
    """
    x, past = first_state(noise, plan, path, known), None
    draw = noise_of_steps(noise, solver, seeds)
    for i, (t, t_next) in enumerate(zip(plan[:-1, None], plan[1:, None], strict=True)):
        x, past = take_step(denoise, x, Step(path, t, t_next), solver, past, draw())
        if progress is not None:
            progress(i + 1, t_next[0], past.x0)
    return x


def take_step(
    denoise: DenoiseFn,
    x: Tensor,
    step: Step,
    solver: Solver,
    past: Past | None,
    fresh: Tensor | None = None,
) -> tuple[Tensor, Past]:
    """Take one step of a plan.

    Returns:
        x after the step, and what the solver wants to know of it in the next one.
    """
    x0, ahead = denoise(x, network_times(step.t, x)), None
    if isinstance(solver, UniPC) and past is not None and past.x is not None:
        x = past.step.apply(past.x, solver.correction(x0, past))
    if solver.looks_ahead and step.stays_noisy.any():
        ahead = denoise(step.apply(x, x0), network_times(step.t_next, x))
    estimate = solver.estimate(x0, step, past, ahead)
    older = None if past is None else replace(past, older=None)
    return step.apply(x, estimate, solver.eta, fresh), Past(step, x0, x, older)


def first_state(noise: Tensor, plan: Tensor, path: Path, known: Tensor | None) -> Tensor:
    """Return the noise, and `known` noised to the plan's first row where that is below 1."""
    if plan.ndim != 2 or plan.shape[1] != noise.shape[2]:
        raise UserError(
            f"The plan is {tuple(plan.shape)} and the noise has {noise.shape[2]} frames: "
            "make the plan for as many frames as the noise has."
        )
    if known is None:
        if (path.alpha(plan[0]) > MOST_SIGNAL).any():
            raise UserError(
                "The plan has frames that start well below time 1, given (0) or noised: pass their "
                "latents as `known`."
            )
        return noise
    first = plan[:1].expand(noise.shape[0], -1)
    noised = path.add_noise(known, noise, first.to(noise.device))
    return torch.where((first < 1)[:, None, :, None, None].to(noise.device), noised, noise)


def noise_of_steps(
    noise: Tensor, solver: Solver, seeds: Sequence[int] | NoiseSource | None
) -> Callable[[], Tensor | None]:
    """Return what draws the fresh noise of a step, from a stream apart from the first noise's."""
    if solver.eta == 0:
        return lambda: None
    if seeds is None:
        raise UserError("A stochastic solver needs `seeds`, one for every row of the batch.")
    source = seeds if callable(seeds) else RowNoise(seeds, stream=1)
    return lambda: source(noise.shape).to(noise)


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
