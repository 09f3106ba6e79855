"""The sampler: from noise to video by the rows of a plan, one step formula a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kinema.diffusion.noise import RowNoise
from kinema.diffusion.path import Linear, Path
from kinema.errors import UserError
from kinema.sampling.solvers import DenoiseFn, Euler, Past, Solver, Step, network_times

NoiseSource = Callable[[Sequence[int]], Tensor]  # shape -> standard normal noise
Progress = Callable[[int, Tensor, Tensor], None]  # (step from 1 on, its times (f,), x0 estimated)
# Schedules of others end a little below time 1, where noise still stands for the noisy video.
MOST_SIGNAL = 0.2


@torch.no_grad()
def sample(
    denoise: DenoiseFn,
    noise: Tensor,
    plan: Tensor,
    solver: Solver = Euler(),  # noqa: B008 (frozen)
    path: Path = Linear(),  # noqa: B008 (frozen)
    known: Tensor | None = None,
    seeds: Sequence[int] | NoiseSource | None = None,
    progress: Progress | None = None,
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
    if solver.looks_ahead and step.stays_noisy.any():
        ahead = denoise(step.apply(x, x0), network_times(step.t_next, x))
    estimate = solver.estimate(x0, step, past, ahead)
    return step.apply(x, estimate, solver.eta, fresh), Past(step, x0)


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
