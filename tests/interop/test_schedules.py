"""Schedulers of diffusers as plans; that the steps are theirs, test_families.py shows."""

import math

import pytest
import torch

from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.interop.schedules import read_schedule

diffusers = pytest.importorskip("diffusers")


def told(scheduler, steps=5, **options):
    scheduler.set_timesteps(steps, **options)
    return read_schedule(scheduler), scheduler


def flow(kind="UniPCMultistepScheduler", **options):
    return getattr(diffusers, kind)(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0, **options
    )


def ddim(**options):
    return diffusers.DDIMScheduler(clip_sample=False, timestep_spacing="trailing", **options)


def test_flow_matching_is_the_linear_path():
    schedule, scheduler = told(diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0))
    assert (schedule.path, schedule.prediction, schedule.solver) == ("linear", "velocity", "euler")
    assert torch.equal(schedule.times.float(), scheduler.sigmas)
    assert torch.equal(schedule.timesteps(scheduler.sigmas[:-1]), scheduler.timesteps)
    between = torch.tensor([[0.25, 0.0, 1.0]])
    torch.testing.assert_close(schedule.timesteps(between), 1000 * between)


def test_multistep_solvers_tell_whole_numbers():
    schedule, scheduler = told(flow())
    assert schedule.solver == "unipc"
    assert torch.equal(schedule.timesteps(scheduler.sigmas[:-1]), scheduler.timesteps.float())
    assert schedule.timesteps(schedule.times[:1].float()).item() == 999
    assert told(flow("DPMSolverMultistepScheduler"))[0].solver == "dpmpp_2m"
    assert told(flow(disable_corrector=[*range(5)]))[0].solver == "dpmpp_2m"
    assert told(flow(disable_corrector=[*range(5)], solver_order=1))[0].solver == "euler"


def test_mochi_counts_from_noise_to_clean():
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=True)
    schedule, scheduler = told(scheduler, None, sigmas=[1.0, 0.75, 0.5])
    assert schedule.times.tolist() == [1.0, 0.75, 0.5, 0.0]
    assert schedule.timesteps(schedule.times).tolist() == [0.0, 250.0, 500.0, 1000.0]


@pytest.mark.parametrize("options", [{}, {"beta_schedule": "scaled_linear"},
                                     {"rescale_betas_zero_snr": True}])  # fmt: skip
def test_betas_are_the_cosine_path(options):
    schedule, scheduler = told(ddim(**options))
    alphas = scheduler.alphas_cumprod[scheduler.timesteps].double()
    path = PATHS[schedule.path]
    torch.testing.assert_close(path.alpha(schedule.times[:-1]) ** 2, alphas, atol=1e-12, rtol=1e-6)
    assert schedule.times[-1] == 0
    seen = schedule.timesteps(schedule.times[:-1].float())
    assert torch.equal(seen, scheduler.timesteps.float())
    middle = schedule.timesteps(torch.linspace(0, 1, 50))
    assert (middle.diff() >= 0).all()


def test_a_last_step_that_does_not_end_clean():
    schedule, scheduler = told(ddim(set_alpha_to_one=False))
    last = PATHS["cosine"].alpha(schedule.times[-1:]).item() ** 2
    assert math.isclose(last, scheduler.alphas_cumprod[0].item(), rel_tol=1e-6)


def test_noise_levels_start_at_their_own_scale():
    options = {"timestep_spacing": "trailing", "beta_schedule": "scaled_linear"}
    schedule, scheduler = told(diffusers.EulerDiscreteScheduler(**options))
    sigma = scheduler.sigmas[0].item()
    assert math.isclose(schedule.scale, sigma / math.hypot(sigma, 1), rel_tol=1e-6)
    ratios = torch.tan(schedule.times * math.pi / 2).float()
    torch.testing.assert_close(ratios, scheduler.sigmas)


@pytest.mark.parametrize("scheduler, sentence", [
    (diffusers.PNDMScheduler(), "PNDMScheduler has no exact counterpart"),
    (diffusers.DDIMScheduler(), "clip_sample=True"),
    (flow(solver_order=3), "solver_order=3"),
    (flow(solver_type="bh1"), "solver_type='bh1'"),
    (flow(disable_corrector=[0]), r"disable_corrector=\[0\]"),
    (diffusers.FlowMatchEulerDiscreteScheduler(stochastic_sampling=True), "stochastic_sampling"),
])  # fmt: skip
def test_what_no_solver_takes_exactly_is_refused(scheduler, sentence):
    scheduler.set_timesteps(5)
    with pytest.raises(UserError, match=sentence):
        read_schedule(scheduler)
