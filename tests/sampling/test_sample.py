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

from kinema.conditions import Conditions, Grid, Tokens, Vector
from kinema.diffusion import DDPM, PATHS, PREDICTIONS, Cosine, Linear, Path, noise_like_rows
from kinema.errors import UserError
from kinema.sampling import (
    SOLVERS,
    Ancestral,
    Denoise,
    DPMpp2M,
    DPMpp2MSDE,
    Euler,
    Heun,
    denoise_all,
    per_condition,
    plans,
    sample,
)

SHAPE = (3, 2, 5, 2, 2)
NOISE = noise_like_rows(SHAPE, [1, 2, 3])
KNOWN = noise_like_rows(SHAPE, [4, 5, 6])


def denoise(x, t):
    """Mixes frames and times, so that every frame depends on all the others."""
    return torch.tanh(x.roll(1, 2) + 0.5 * x) * (1.1 - t[:, None, :, None, None])


def run(plan, solver=SOLVERS["euler"], rows=slice(None), known=KNOWN, **options):
    seeds = [7, 8, 9][rows]
    known = None if known is None else known[rows]
    return sample(denoise, NOISE[rows], plan, solver, known=known, seeds=seeds, **options)


PLANS = {
    "together": plans.together(4, 5),
    "given": plans.given_frames(4, 5, [0, 3]),
    "staircase": plans.staircase(4, 5, delay=2, given=1),
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_row_of_the_batch_is_that_row_alone(solver, plan):
    whole = run(PLANS[plan], SOLVERS[solver])
    alone = run(PLANS[plan], SOLVERS[solver], slice(1, 2))
    torch.testing.assert_close(whole[1:2], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_given_frames_come_out_exactly_as_they_went_in(solver):
    out = run(PLANS["given"], SOLVERS[solver])
    assert (out[:, :, [0, 3]] == KNOWN[:, :, [0, 3]]).all()
    assert (out[:, :, 1] != KNOWN[:, :, 1]).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_frame_that_waits_is_not_touched(solver):
    states = []

    def recorded(x, t):
        states.append((x, t))
        return denoise(x, t)

    plan = plans.staircase(3, 5, delay=3)
    sample(recorded, NOISE, plan, SOLVERS[solver], seeds=[1, 2, 3])
    for x, t in states:
        waiting = (t == 1)[:, None, :, None, None].expand_as(x)
        assert (x[waiting] == NOISE[waiting]).all()


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
@pytest.mark.parametrize("path", PATHS)
def test_one_frame_after_another_is_each_frame_in_its_own_run(path, solver):
    """A chain of single-frame runs equals one staircase: no solver mixes up the histories."""

    def independent(x, t):
        return torch.tanh(x) * (1.1 - t[:, None, :, None, None])

    options = {"solver": SOLVERS[solver], "path": PATHS[path]}
    together = sample(independent, NOISE, plans.together(6, 5), **options)
    for delay in (2, 6):
        one_by_one = sample(independent, NOISE, plans.staircase(6, 5, delay=delay), **options)
        torch.testing.assert_close(one_by_one, together)


def test_euler_on_the_linear_path_is_euler_on_the_velocity():
    plan, x = plans.together(plans.times(4, shift=2.0), 5), NOISE
    for t, t_next in zip(plan[:-1, 0].float(), plan[1:, 0].float(), strict=True):
        velocity = (x - denoise(x, t.expand(3, 5))) / t
        x = x + (t_next - t) * velocity
    torch.testing.assert_close(run(plan), x)


def test_a_frame_that_waits_midway_restarts_its_history():
    plan = plans.together(6, 5)
    paused = torch.cat([plan[:3], plan[2:]])  # all stand still for one row
    for solver in ("euler", "heun"):
        torch.testing.assert_close(run(paused, SOLVERS[solver]), run(plan, SOLVERS[solver]))
    assert run(paused, SOLVERS["dpmpp_2m"]).isfinite().all()


def test_video_to_video_starts_from_the_noised_video():
    seen = []
    plan = plans.together(plans.times(4, strength=0.4), 5)
    sample(lambda x, t: seen.append(x) or x, NOISE, plan, known=KNOWN)
    torch.testing.assert_close(seen[0], 0.6 * KNOWN + 0.4 * NOISE)


def test_fresh_noise_is_independent_of_the_start():
    """Ancestral sampling of a model that always says 0, down to t = 1/2: half must be new noise."""
    noise = noise_like_rows((1, 1, 1, 64, 64), [5])
    plan = torch.tensor([[1.0], [0.5]], dtype=torch.float64)
    x = sample(lambda x, t: 0 * x, noise, plan, Ancestral(), seeds=[5])
    assert x.std().item() == pytest.approx(0.5, abs=0.02)
    assert abs((x * noise).mean().item()) < 0.02


def test_times_never_travel_in_half_precision():
    dtypes = []
    sample(lambda x, t: dtypes.append(t.dtype) or x, NOISE.bfloat16(), plans.together(2, 5))
    sample(lambda x, t: dtypes.append(t.dtype) or x, NOISE.double(), plans.together(1, 5))
    assert dtypes == [torch.float32, torch.float32, torch.float64]


def test_progress_is_told_after_every_step():
    told = []
    plan = plans.given_frames(3, 5)
    run(plan, progress=lambda step, t, x0: told.append((step, t.tolist(), x0.shape)))
    assert told == [(i, plan[i].tolist(), SHAPE) for i in (1, 2, 3)]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"plan": plans.together(2, 4)}, "as many frames as the noise"),
        ({"plan": plans.given_frames(2, 5)}, "pass their latents as `known`"),
        (
            {"plan": plans.together(plans.times(2, strength=0.5), 5)},
            "pass their latents as `known`",
        ),
        ({"plan": plans.together(2, 5), "solver": Ancestral()}, "needs `seeds`"),
    ],
)
def test_mistakes_are_told(options, words):
    with pytest.raises(UserError, match=words):
        sample(denoise, NOISE, path=Linear(), **options)


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


EXACT_PATHS = {
    "linear": Linear(),
    "cosine": Cosine(),
    "ddpm": DDPM(),
    "ddpm_scaled": DDPM(betas="scaled_linear"),
    "ddpm_zero_snr": DDPM(betas="scaled_linear", zero_terminal_snr=True),
}
PLANS_OF_TIMES = {
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


def covering() -> list[tuple]:
    """Every plan with every solver on the linear path; of the others every pair, not every triple.

    The k-th plan of the j-th path goes with solver j + k: each path meets each solver, too.
    """
    first, *others = EXACT_PATHS
    solvers = list(ORDERS)
    return [*itertools.product([first], PLANS_OF_TIMES, solvers)] + [
        (path, plan, solvers[(j + k) % len(solvers)])
        for j, path in enumerate(others)
        for k, plan in enumerate(PLANS_OF_TIMES)
    ]


@pytest.mark.parametrize("path, plan, solver", covering(), ids=str)
def test_samples_converge_to_the_truth_at_the_order_of_the_solver(path, plan, solver):
    path, plan = EXACT_PATHS[path], PLANS_OF_TIMES[plan]
    times = (plans.karras(path, n) for n in (16, 32))
    assert_order(solver, *(covariance_error(solver, path, plan(each)) for each in times))


@pytest.mark.parametrize("plan", ["together", "given_frames", "pyramid"])
@pytest.mark.parametrize("solver", ORDERS, ids=str)
def test_convergence_from_pure_noise_in_equal_steps(plan, solver):
    plan, predictions = PLANS_OF_TIMES[plan], ("x0", "v", "velocity")
    errors = [
        covariance_error(solver, Linear(), plan(plans.times(n)), predictions) for n in (32, 64)
    ]
    assert_order(solver, *errors)


X = torch.randn(2, 3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
T = torch.tensor([[0.0, 0.3, 0.6, 1.0], [0.2, 0.4, 0.0, 0.9]])


class Network:
    """Adds the mean of the text, and counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, t, conditions):
        self.calls += 1
        return 0.5 * x + conditions.text.mean().mean(1)[:, None, None, None, None]


def prompt(seed: int, length: int) -> Conditions:
    tokens = torch.randn(2, length, 5, generator=torch.Generator().manual_seed(seed))
    return Conditions(Tokens(tokens, torch.ones(2, length, dtype=torch.bool)))


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_given_frames_come_back_as_they_are(prediction):
    x0 = Denoise(Network(), PATHS["linear"], prediction, prompt(0, 3))(X, T)
    given = (T == 0)[:, None, :, None, None].expand_as(X)
    assert (x0[given] == X[given]).all() and x0.isfinite().all()


def test_velocity_on_the_linear_path():
    denoise = Denoise(lambda x, t, c: 2 * x, PATHS["linear"], "velocity")
    torch.testing.assert_close(denoise(X, T), X - T[:, None, :, None, None] * 2 * X)


def test_conditions_of_one_network_go_in_one_call():
    network = Network()
    denoises = [Denoise(network, PATHS["linear"], "x0", prompt(i, 2 + i)) for i in range(3)]
    joint = denoise_all(denoises, X, T)
    assert network.calls == 1
    for x0, denoise in zip(joint, denoises, strict=True):
        torch.testing.assert_close(x0, denoise(X, T))


def test_different_networks_paths_or_closures_are_called_one_by_one():
    network = Network()
    first = Denoise(network, PATHS["linear"], "x0", prompt(0, 2))
    others = [
        Denoise(Network(), PATHS["linear"], "x0", prompt(1, 2)),
        Denoise(network, PATHS["linear"], "v", prompt(1, 2)),
        lambda x, t: x * 2,
    ]
    for other in others:
        pair = denoise_all([first, other], X, T)
        torch.testing.assert_close(pair[0], first(X, T))
        torch.testing.assert_close(pair[1], other(X, T))


def test_absent_text_is_not_batched_with_text():
    def network(x, t, conditions):
        return x * (2 if conditions.text is None else 3)

    pair = [Denoise(network, PATHS["linear"], "x0", c) for c in (prompt(0, 2), Conditions())]
    t = torch.full_like(T, 0.5)
    torch.testing.assert_close(torch.stack(denoise_all(pair, X, t)), torch.stack([3 * X, 2 * X]))


def test_a_scale_for_each_condition_costs_one_call():
    calls = []

    def network(x, t, conditions):
        calls.append(len(x))
        depth, speed = conditions.named["depth"].signal(), conditions.named["speed"].signal()
        return x + depth.sum(1, keepdim=True) + speed.sum(-1)[:, None, :, None, None]

    both = Conditions(depth=Grid(torch.ones(2, 1, 4, 2, 2)), speed=Vector(torch.ones(2, 4, 3)))
    turns = both.in_turn("depth", "speed")
    denoises = [Denoise(network, PATHS["linear"], "x0", turn) for turn in turns]
    t = torch.full_like(T, 0.5)
    # No condition says X, the depth adds 1 and its presence 1, the speed 3 and 1
    torch.testing.assert_close(per_condition(denoises, [2.0, 0.5])(X, t), X + 2 * 2 + 0.5 * 4)
    assert calls == [6]
