"""Every solver x path x plan x prediction against frames whose exact denoiser is known.

Frames x0 ~ N(0, C), C of an AR(1) process, have a linear posterior mean, so the sampler is a
linear map of the noise it consumes. Pushing a basis of all that noise (the start, the given frames,
what a stochastic solver injects) through it gives the exact covariance of its samples.
"""

import itertools
from dataclasses import dataclass

import pytest
import torch
from einops import rearrange, repeat
from torch import Tensor

from kinema.diffusion import DDPM, PREDICTIONS, Cosine, Linear, Path
from kinema.sampling import Ancestral, DPMpp2M, DPMpp2MSDE, Euler, Heun, plans, sample

FRAMES = 4
INDEX = torch.arange(FRAMES, dtype=torch.float64)
COVARIANCE = 0.7 ** (INDEX[:, None] - INDEX).abs()
BASIS = torch.eye(FRAMES, dtype=torch.float64)


@dataclass(frozen=True)
class ExactDenoise:
    """The posterior mean of Gaussian frames, as told by networks that predict different things.

    The batch is a block of rows for each of the predictions, so that one run serves them all.
    """

    path: Path
    predictions: tuple[str, ...]

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        t = t[:1]  # the same in every row
        alpha, sigma = self.path.alpha(t[0]), self.path.sigma(t[0])
        marginal = alpha[:, None] * COVARIANCE * alpha + torch.diag(sigma.square())
        score = rearrange(x, "b 1 f 1 1 -> b f") @ torch.linalg.inv(marginal)
        x0 = rearrange(score @ (alpha[:, None] * COVARIANCE), "b f -> b 1 f 1 1")
        noise = rearrange(score * sigma, "b f -> b 1 f 1 1")
        blocks = (tensor.chunk(len(self.predictions)) for tensor in (x, x0, noise))
        told = []
        for name, x, x0, noise in zip(self.predictions, *blocks, strict=True):
            prediction = PREDICTIONS[name]
            output = prediction.target(self.path, x0, noise, t)
            told.append(prediction.to_x0(self.path, output, x, t))
        return torch.cat(told)


class Injected:
    """Fresh noise as a basis: at step i, the identity in rows reserved for step i."""

    def __init__(self, rows: int):
        self.step, self.rows = 1, rows

    def __call__(self, shape) -> Tensor:
        self.step += 1
        block = torch.zeros(self.rows, FRAMES, dtype=torch.float64)
        block[self.step * FRAMES : (self.step + 1) * FRAMES] = BASIS
        return as_video(block, shape[0] // self.rows)


def as_video(rows: Tensor, copies: int) -> Tensor:
    return repeat(rows, "b f -> (copies b) 1 f 1 1", copies=copies)


def covariance_error(solver, path, plan, predictions=tuple(PREDICTIONS)) -> Tensor:
    """Frobenius distance of the samples' covariance from the truth, one for each prediction."""
    if "eps" in predictions:
        # Start from the exact marginal a little below t = 1: eps at alpha = 0 says nothing about
        # x0, and pure noise is not the marginal of a path that ends with some signal.
        below = path.time_of(torch.tensor(200.0, dtype=torch.float64))
        plan = plan.clamp(max=below.clamp(max=1 - 1e-12))
    rows = (2 + (len(plan) - 1) * (solver.eta > 0)) * FRAMES
    known, noise = torch.zeros(2, rows, FRAMES, dtype=torch.float64)
    known[:FRAMES] = torch.linalg.cholesky(COVARIANCE).T
    noise[FRAMES : 2 * FRAMES] = BASIS
    copies = len(predictions)
    x = sample(
        ExactDenoise(path, predictions),
        as_video(noise, copies),
        plan,
        solver,
        path,
        known=as_video(known, copies),
        seeds=Injected(rows),
    )
    maps = rearrange(x, "(p b) 1 f 1 1 -> p b f", p=copies)
    return (maps.mT @ maps - COVARIANCE).norm(dim=(1, 2))


PATHS = {
    "linear": Linear(),
    "cosine": Cosine(),
    "ddpm": DDPM(),
    "ddpm_scaled": DDPM(betas="scaled_linear"),
    "ddpm_zero_snr": DDPM(betas="scaled_linear", zero_terminal_snr=True),
}
PLANS = {
    "together": lambda times: plans.together(times, FRAMES),
    "given_frames": lambda times: plans.given_frames(times, FRAMES, 1),
    "interpolation": lambda times: plans.given_frames(times, FRAMES, [*range(0, FRAMES, 2)]),
    "pyramid": lambda times: plans.staircase(times, FRAMES, delay=(len(times) - 1) // 4),
    "autoregressive": lambda times: plans.staircase(times, FRAMES, len(times) - 1, chunk=2),
    "strength": lambda times: plans.together(0.8 * times, FRAMES),
}
# The order at which the samples' covariance converges.
ORDERS = {Euler(): 1, Ancestral(): 1, Heun(): 2, DPMpp2M(): 2, DPMpp2MSDE(): 2}
# Halving the steps of an order-p solver divides the error by 2^p; log terms cost 2M a little.
RATIOS = {1: (1.5, 2.6), 2: (2.9, 7.0)}


def assert_order(solver, coarse: Tensor, fine: Tensor):
    ratio, (low, high) = coarse / fine, RATIOS[ORDERS[solver]]
    assert (ratio > low).all() and (ratio < high).all(), ratio
    torch.testing.assert_close(fine, fine[:1].expand_as(fine), rtol=1e-6, atol=0)


@pytest.mark.parametrize("path, plan, solver", itertools.product(PATHS, PLANS, ORDERS), ids=str)
def test_samples_converge_to_the_truth_at_the_order_of_the_solver(path, plan, solver):
    path, plan = PATHS[path], PLANS[plan]
    times = (plans.karras(path, n) for n in (16, 32))
    assert_order(solver, *(covariance_error(solver, path, plan(each)) for each in times))


@pytest.mark.parametrize("plan", ["together", "given_frames", "pyramid"])
@pytest.mark.parametrize("solver", ORDERS, ids=str)
def test_convergence_from_pure_noise_in_equal_steps(plan, solver):
    plan, predictions = PLANS[plan], ("x0", "v", "velocity")
    errors = [
        covariance_error(solver, Linear(), plan(plans.times(n)), predictions) for n in (32, 64)
    ]
    assert_order(solver, *errors)
