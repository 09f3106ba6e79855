"""A scheduler of diffusers as a path, a plan and a solver of ours, read from the object.

A scheduler that has been told its steps knows the noise level of each and the time that its network
sees there. Both are taken as they are. The noise level becomes a time of ours:

    flow matching          t = sigma                       the linear path
    betas, EDM             t = 2/pi atan(sigma / alpha)    the cosine path

Any variance preserving schedule is the cosine path at other times, so two paths serve all of them.
A scheduler whose steps no solver of ours takes exactly is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kinema.errors import UserError, nearest

PREDICTIONS = {
    "epsilon": "eps",
    "sample": "x0",
    "v_prediction": "v",
    "flow_prediction": "velocity",
}


@dataclass(frozen=True)
class Schedule:
    """The steps of one video, in our terms."""

    path: str  # a key of `kinema.diffusion.PATHS`
    prediction: str  # a key of `kinema.diffusion.PREDICTIONS`
    solver: str  # a key of `kinema.sampling.SOLVERS`
    times: Tensor  # (num_steps + 1,) float64, falling
    # (k, 2) float64: times of ours, rising, and what the network is told at each
    knots: Tensor
    scale: float = 1.0  # what the first state is, in units of noise

    def timesteps(self, t: Tensor) -> Tensor:
        """Return what the network is told at times of ours, of any shape: float32.

        At the times of the steps it is exactly what the scheduler says; between them, on a line.
        """
        times, told = self.knots.T.contiguous()
        flat = t.detach().double().cpu().flatten()
        right = torch.searchsorted(times, flat).clamp(1, len(times) - 1)
        left = right - 1
        nearer = torch.where(times[right] - flat < flat - times[left], right, left)
        share = ((flat - times[left]) / (times[right] - times[left])).clamp(0, 1)
        between = torch.lerp(told[left], told[right], share)
        exact = (times[nearer] - flat).abs() < 1e-6  # times are float32 on their way here
        return torch.where(exact, told[nearer], between).float().view_as(t).to(t.device)


def read_schedule(scheduler: Any) -> Schedule:
    """Read a scheduler whose steps are set.

    Raises:
        UserError: if none of our solvers takes its steps exactly.
    """
    name = type(scheduler).__name__
    if name not in READERS:
        raise UserError(
            f"The scheduler {name} has no exact counterpart here; {nearest(name, [*READERS])}"
        )
    return READERS[name](scheduler)


def require(scheduler: Any, **wanted: Any) -> None:
    """Refuse a scheduler unless its configuration has these values, or does not know them."""
    for option, value in wanted.items():
        found = scheduler.config.get(option, value)
        if found != value:
            raise UserError(
                f"The {type(scheduler).__name__} of this model has {option}={found!r}, for which "
                f"there is no exact solver here: set it to {value!r} in scheduler_config.json."
            )


# ---- flow matching -------------------------------------------------------------------------------


def read_flow(scheduler: Any) -> Schedule:
    """FlowMatchEulerDiscreteScheduler; Mochi's counts sigma from noise to clean."""
    require(scheduler, stochastic_sampling=False)
    sigmas = scheduler.sigmas.double().cpu()
    steps = float(scheduler.config.num_train_timesteps)
    if scheduler.config.get("invert_sigmas"):
        return flow_schedule(scheduler, 1 - sigmas, "euler", ends=(steps, 0.0))
    return flow_schedule(scheduler, sigmas, "euler", ends=(0.0, steps))


def flow_schedule(
    scheduler: Any, times: Tensor, solver: str, ends: tuple[float, float]
) -> Schedule:
    """Make a schedule on the linear path; `ends` are what the network is told at 0 and at 1."""
    told = scheduler.timesteps.double().cpu()
    return Schedule("linear", "velocity", solver, times, knots_of(times[:-1], told, ends))


def knots_of(times: Tensor, told: Tensor, ends: tuple[float, float]) -> Tensor:
    """Return times and what is told at them, rising and each once, the ends 0 and 1 included."""
    every = {0.0: ends[0], 1.0: ends[1]} | dict(zip(times.tolist(), told.tolist(), strict=True))
    return torch.tensor(sorted(every.items()), dtype=torch.float64)


# ---- betas ---------------------------------------------------------------------------------------


def angle(sigma: Tensor, alpha: Tensor) -> Tensor:
    """Return the time on the cosine path at which noise and signal stand so."""
    return torch.atan2(sigma, alpha) * (2 / math.pi)


def of_table(scheduler: Any, alphas: Tensor) -> Tensor:
    """Return the times of squared alphas, as `alphas_cumprod` has them."""
    return angle((1 - alphas.double()).sqrt(), alphas.double().sqrt()).cpu()


def beta_schedule(scheduler: Any, times: Tensor, solver: str, scale: float = 1.0) -> Schedule:
    """Make a schedule on the cosine path; between the steps, the scheduler's own table counts."""
    require(scheduler, clip_sample=False, thresholding=False)
    table = of_table(scheduler, scheduler.alphas_cumprod)
    count = torch.arange(len(table), dtype=torch.float64)
    last = float(count[-1])
    between = knots_of(table, count, (0.0, last))
    steps = dict(zip(times.tolist()[:-1], scheduler.timesteps.double().tolist(), strict=True))
    # a knot of the table beside one of a step, equal to rounding, would be a jump
    kept = [row for row in between.tolist() if not any(abs(row[0] - t) < 1e-6 for t in steps)]
    knots = torch.tensor(sorted([*kept, *map(list, steps.items())]), dtype=torch.float64)
    prediction = PREDICTIONS[scheduler.config.prediction_type]
    return Schedule("cosine", prediction, solver, times, knots, scale)


def read_ddim(scheduler: Any) -> Schedule:
    """DDIM and CogVideoX's: with a number of steps that does not divide 1000 they step past the
    time at which they ask next, and ours, which does not, is a little off theirs.
    """
    return read_table(scheduler, "euler")


def read_cogvideox_sde(scheduler: Any) -> Schedule:
    return read_table(scheduler, "dpmpp_2m_sde")


def read_table(scheduler: Any, solver: str) -> Schedule:
    alphas = scheduler.alphas_cumprod[scheduler.timesteps.long().cpu()]
    last = torch.as_tensor(scheduler.final_alpha_cumprod).view(1).to(alphas)
    return beta_schedule(scheduler, of_table(scheduler, torch.cat([alphas, last])), solver)


# ---- noise levels: sigma over alpha --------------------------------------------------------------


def read_euler(scheduler: Any) -> Schedule:
    """EulerDiscreteScheduler, also as EDM and Stable Video Diffusion use it."""
    sigmas = scheduler.sigmas.double().cpu()
    times = angle(sigmas, torch.ones_like(sigmas))
    scale = float(scheduler.init_noise_sigma) / math.hypot(float(sigmas[0]), 1)
    if scheduler.config.get("timestep_type") != "continuous":
        return beta_schedule(scheduler, times, "euler", scale)
    told = scheduler.timesteps.double().cpu()  # log(sigma) / 4
    knots = knots_of(times[:-1], told, (float(told.min()), float(told.max())))
    prediction = PREDICTIONS[scheduler.config.prediction_type]
    return Schedule("cosine", prediction, "euler", times, knots, scale)


def read_multistep(scheduler: Any, solver: str) -> Schedule:
    """A multistep solver, on flow matching or on betas."""
    require(scheduler, thresholding=False, lower_order_final=True, final_sigmas_type="zero")
    sigmas = scheduler.sigmas.double().cpu()
    if scheduler.config.get("use_flow_sigmas"):
        require(scheduler, prediction_type="flow_prediction")
        steps = float(scheduler.config.num_train_timesteps)
        return flow_schedule(scheduler, sigmas, solver, ends=(0.0, steps))
    return beta_schedule(scheduler, angle(sigmas, torch.ones_like(sigmas)), solver)


def read_dpm(scheduler: Any) -> Schedule:
    if scheduler.config.algorithm_type == "sde-dpmsolver++":
        require(scheduler, solver_order=2, solver_type="midpoint")
        return read_multistep(scheduler, "dpmpp_2m_sde")
    require(scheduler, algorithm_type="dpmsolver++")
    if scheduler.config.solver_order == 1:
        return read_multistep(scheduler, "euler")
    require(scheduler, solver_order=2, solver_type="midpoint")
    return read_multistep(scheduler, "dpmpp_2m")


def read_unipc(scheduler: Any) -> Schedule:
    require(scheduler, predict_x0=True, solver_type="bh2", solver_p=None)
    without = set(scheduler.config.disable_corrector)
    if set(range(len(scheduler.timesteps) - 1)) <= without:
        order = scheduler.config.solver_order
        require(scheduler, solver_order=min(order, 2))
        return read_multistep(scheduler, "euler" if order == 1 else "dpmpp_2m")
    require(scheduler, solver_order=2, disable_corrector=[])
    return read_multistep(scheduler, "unipc")


READERS: dict[str, Callable[[Any], Schedule]] = {
    "FlowMatchEulerDiscreteScheduler": read_flow,
    "UniPCMultistepScheduler": read_unipc,
    "DPMSolverMultistepScheduler": read_dpm,
    "DDIMScheduler": read_ddim,
    "CogVideoXDDIMScheduler": read_ddim,
    "CogVideoXDPMScheduler": read_cogvideox_sde,
    "EulerDiscreteScheduler": read_euler,
}
"""Class of diffusers -> how it is read."""
