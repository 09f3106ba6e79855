"""Step by step, the same states as diffusers' schedulers wherever both can express the setting."""

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)
from torch import Generator, Tensor

from kinema.diffusion import DDPM, Linear
from kinema.sampling import Ancestral, Denoise, DPMpp2M, DPMpp2MSDE, Euler, UniPC, plans, sample

STEPS = 10  # divides 1000: their DDIM goes back 1000 // STEPS timesteps, wherever the next one is
SHAPE = (2, 3, 2, 4, 4)
TOLERANCE = 1e-4
OURS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v", "flow_prediction": "velocity"}
RANGES = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012)}
DISCRETE = [
    (betas, prediction)
    for betas in ("linear", "scaled_linear")
    for prediction in ("epsilon", "v_prediction", "sample")
]


def network(x: Tensor) -> Tensor:
    """A stand-in for a trained network: any fixed nonlinear function serves."""
    return torch.tanh(1.3 * x.roll(1, -1)) - 0.4 * x.roll(1, 1)


def scheduler_of(kind, betas, prediction, **options):
    first, last = RANGES[betas]
    return kind(
        beta_schedule=betas, beta_start=first, beta_end=last, prediction_type=prediction, **options
    )


def their_states(scheduler, **options) -> list[Tensor]:
    """The input of the network at every step, and the result, for their sampler."""
    x = start() * getattr(scheduler, "init_noise_sigma", 1.0)
    states = []
    for t in scheduler.timesteps:
        states.append(x if isinstance(scheduler, FlowMatchEulerDiscreteScheduler)
                      else scheduler.scale_model_input(x, t))  # fmt: skip
        x = scheduler.step(network(states[-1]), t, x, **options).prev_sample
    return [*states, x]


def our_states(plan, solver, path, prediction) -> list[Tensor]:
    """The same for ours."""
    states = []

    def recorded(x, t, conditions):
        states.append(x)
        return network(x)

    plan = plan[:, None].repeat(1, SHAPE[2]).double()
    generator = Generator().manual_seed(1)
    x = sample(
        Denoise(recorded, path, OURS[prediction]),
        start(),
        plan,
        solver,
        path,
        known=torch.zeros(SHAPE) if plan[0, 0] == 0 else None,
        seeds=lambda shape: torch.randn(shape, generator=generator),
    )
    return [*states, x]


def start() -> Tensor:
    return torch.randn(SHAPE, generator=Generator().manual_seed(0))


def ended(times: Tensor, last: float = 0.0) -> Tensor:
    return torch.cat([times.double(), torch.tensor([last], dtype=torch.float64)])


def assert_same(ours: list[Tensor], theirs: list[Tensor]):
    """Within 1e-4, of the size of the state above 1 (an untrained eps network blows it up)."""
    assert len(ours) == len(theirs) == STEPS + 1
    for x, y in zip(ours, theirs, strict=True):
        assert (x - y).abs().max() < TOLERANCE * y.abs().max().clamp(min=1)


@pytest.mark.parametrize("betas, prediction", DISCRETE)
def test_ddpm(betas, prediction):
    scheduler = scheduler_of(DDPMScheduler, betas, prediction, clip_sample=False)
    scheduler.set_timesteps(STEPS)
    path = DDPM(betas)
    ours = our_states(ended(path.time_of_step(scheduler.timesteps)), Ancestral(), path, prediction)
    assert_same(ours, their_states(scheduler, generator=Generator().manual_seed(1)))


@pytest.mark.parametrize("eta", [0.0, 0.6])
@pytest.mark.parametrize("betas, prediction", DISCRETE)
def test_ddim(betas, prediction, eta):
    scheduler = scheduler_of(
        DDIMScheduler, betas, prediction, clip_sample=False, set_alpha_to_one=False
    )
    scheduler.set_timesteps(STEPS)
    path = DDPM(betas)
    plan = ended(path.time_of_step(scheduler.timesteps), last=1 / 1000)
    options = {"eta": eta, "generator": Generator().manual_seed(1)}
    assert_same(our_states(plan, Euler(eta), path, prediction), their_states(scheduler, **options))


def test_ddim_with_zero_terminal_snr():
    scheduler = scheduler_of(
        DDIMScheduler,
        "scaled_linear",
        "v_prediction",
        clip_sample=False,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    scheduler.set_timesteps(STEPS)
    path = DDPM("scaled_linear", zero_terminal_snr=True)
    plan = ended(path.time_of_step(scheduler.timesteps))
    assert plan[0] == 1
    assert_same(our_states(plan, Euler(), path, "v_prediction"), their_states(scheduler))


@pytest.mark.parametrize("karras", [False, True])
@pytest.mark.parametrize(
    "algorithm, solver", [("dpmsolver++", DPMpp2M()), ("sde-dpmsolver++", DPMpp2MSDE())]
)
@pytest.mark.parametrize("betas, prediction", DISCRETE)
def test_dpm_solver(betas, prediction, algorithm, solver, karras):
    scheduler = scheduler_of(
        DPMSolverMultistepScheduler,
        betas,
        prediction,
        algorithm_type=algorithm,
        use_karras_sigmas=karras,
    )
    scheduler.set_timesteps(STEPS)
    path = DDPM(betas)
    if karras:
        times = path.time_of(scheduler.sigmas[:-1].double())
    else:
        times = path.time_of_step(scheduler.timesteps)
    ours = our_states(ended(times), solver, path, prediction)
    assert_same(ours, their_states(scheduler, generator=Generator().manual_seed(1)))


@pytest.mark.parametrize(
    "algorithm, solver", [("dpmsolver++", DPMpp2M()), ("sde-dpmsolver++", DPMpp2MSDE())]
)
def test_dpm_solver_on_the_linear_path(algorithm, solver):
    scheduler = DPMSolverMultistepScheduler(
        algorithm_type=algorithm,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=3.0,
    )
    scheduler.set_timesteps(STEPS)
    ours = our_states(scheduler.sigmas, solver, Linear(), "flow_prediction")
    assert_same(ours, their_states(scheduler, generator=Generator().manual_seed(1)))


@pytest.mark.parametrize("options", [{"timestep_spacing": "trailing"}, {"use_karras_sigmas": True}])
@pytest.mark.parametrize("betas, prediction", DISCRETE)
def test_euler_discrete(betas, prediction, options):
    scheduler = scheduler_of(EulerDiscreteScheduler, betas, prediction, **options)
    scheduler.set_timesteps(STEPS)
    path = DDPM(betas)
    plan = ended(path.time_of(scheduler.sigmas[:-1].double()))
    # Their state is x / alpha and starts at noise of the marginal's size; feed them ours.
    scheduler_start = 1 / path.alpha(plan[:1]).float()
    theirs = their_states(Rescaled(scheduler, scheduler_start))
    assert_same(our_states(plan, Euler(), path, prediction), theirs)


@pytest.mark.parametrize("options", [{}, {"use_karras_sigmas": True}])
@pytest.mark.parametrize("betas, prediction", DISCRETE)
def test_unipc(betas, prediction, options):
    scheduler = scheduler_of(UniPCMultistepScheduler, betas, prediction, **options)
    scheduler.set_timesteps(STEPS)
    path = DDPM(betas)
    plan = ended(path.time_of(scheduler.sigmas[:-1].double()))
    assert_same(our_states(plan, UniPC(), path, prediction), their_states(scheduler))


@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_unipc_on_the_linear_path(shift):
    """What Wan and SkyReels ship."""
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift
    )
    scheduler.set_timesteps(STEPS)
    ours = our_states(scheduler.sigmas, UniPC(), Linear(), "flow_prediction")
    assert_same(ours, their_states(scheduler))


class Rescaled:
    """EulerDiscreteScheduler started from x / alpha, the unscaled form of our x."""

    def __init__(self, scheduler, init_noise_sigma):
        self.scheduler, self.init_noise_sigma = scheduler, init_noise_sigma

    def __getattr__(self, name):
        return getattr(self.scheduler, name)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_flow_match_euler(shift):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=[1 - i / STEPS for i in range(STEPS)])
    plan = plans.times(STEPS, shift)
    torch.testing.assert_close(scheduler.sigmas, plan.float())
    ours = our_states(plan, Euler(), Linear(), "flow_prediction")
    assert_same(ours, their_states(scheduler))
