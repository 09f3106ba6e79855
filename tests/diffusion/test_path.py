import pytest
import torch
from diffusers import DDPMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.diffusion import DDPM, PATHS, PREDICTIONS, prediction_named

TIMES = torch.linspace(0.0, 1.0, 41, dtype=torch.float64)


@pytest.mark.parametrize("name", PATHS)
def test_runs_from_data_to_noise(name):
    path = PATHS[name]
    assert path.alpha(TIMES[0]) == 1 and path.sigma(TIMES[0]) == 0
    assert (path.alpha(TIMES).diff() < 0).all() and (path.sigma(TIMES).diff() > 0).all()
    signal_left = {"ddpm": 0.0064, "ddpm_scaled": 0.0683}.get(name, 0.0)
    assert path.alpha(TIMES[-1]) == pytest.approx(signal_left, abs=1e-4)
    if signal_left == 0:
        assert path.alpha(torch.ones(1)) == 0 and path.sigma(torch.ones(1)) == 1


@pytest.mark.parametrize("name", ["cosine", "ddpm", "ddpm_scaled", "ddpm_zero_snr"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_preserves_variance(name, dtype):
    path, t = PATHS[name], TIMES.to(dtype)
    torch.testing.assert_close(path.alpha(t) ** 2 + path.sigma(t) ** 2, torch.ones_like(t))


@pytest.mark.parametrize("name", PATHS)
def test_derivatives_are_those_of_alpha_and_sigma(name):
    path, step = PATHS[name], 1e-5
    t = torch.linspace(0.01, 0.99, 29, dtype=torch.float64) + 3e-4  # between the knots of DDPM
    for f, derivative in ((path.alpha, path.d_alpha), (path.sigma, path.d_sigma)):
        slope = (f(t + step) - f(t - step)) / (2 * step)
        torch.testing.assert_close(derivative(t), slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", PATHS)
@given(t=st.floats(0, 0.999))
@settings(max_examples=30, deadline=None)
def test_time_of_inverts_the_noise_ratio(name, t):
    path, t = PATHS[name], torch.tensor([t], dtype=torch.float64)
    recovered = path.time_of(path.sigma(t) / path.alpha(t))
    torch.testing.assert_close(recovered, t, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", PATHS)
def test_infinite_ratio_is_pure_noise(name):
    assert PATHS[name].time_of(torch.tensor([torch.inf], dtype=torch.float64)) == 1


@pytest.mark.parametrize(
    "betas, ends", [("linear", (1e-4, 0.02)), ("scaled_linear", (0.00085, 0.012))]
)
@pytest.mark.parametrize("zero_snr", [False, True])
def test_ddpm_meets_the_discrete_schedule_at_every_timestep(betas, ends, zero_snr):
    scheduler = DDPMScheduler(
        beta_schedule=betas,
        beta_start=ends[0],
        beta_end=ends[1],
        rescale_betas_zero_snr=zero_snr,
    )
    path = DDPM(betas, zero_terminal_snr=zero_snr)
    t = path.time_of_step(torch.arange(1000))
    theirs = scheduler.alphas_cumprod.double()
    torch.testing.assert_close(path.alpha(t) ** 2, theirs, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(path.step_of_time(t), torch.arange(1000).double())


def test_ddpm_keeps_its_digits_in_float32_near_clean():
    t = torch.tensor([1e-4, 1e-3, 1e-2])
    exact = DDPM().sigma(t.double())
    torch.testing.assert_close(DDPM().sigma(t).double(), exact, rtol=1e-5, atol=0)


def test_every_frame_gets_its_own_noise():
    x0, noise = torch.randn(2, 2, 3, 3, 4, 4)
    t = torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.25, 0.0]])
    x = PATHS["linear"].add_noise(x0, noise, t)
    torch.testing.assert_close(x[0, :, 0], x0[0, :, 0])
    torch.testing.assert_close(x[0, :, 1], 0.5 * x0[0, :, 1] + 0.5 * noise[0, :, 1])
    torch.testing.assert_close(x[1, :, 0], noise[1, :, 0])
    torch.testing.assert_close(x[1, :, 1], 0.75 * x0[1, :, 1] + 0.25 * noise[1, :, 1])


SHAPE = (2, 3, 4, 2, 2)


def example(path, t):
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, *SHAPE, generator=generator, dtype=torch.float64)
    return x0, noise, path.add_noise(x0, noise, t)


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@given(times=st.lists(st.floats(0.01, 0.99), min_size=8, max_size=8))
@settings(max_examples=10, deadline=None)
def test_target_gives_back_x0_and_x0_gives_back_the_target(path, name, times):
    t = torch.tensor(times, dtype=torch.float64).reshape(2, 4)
    x0, noise, x = example(path, t)
    prediction = PREDICTIONS[name]
    target = prediction.target(path, x0, noise, t)
    torch.testing.assert_close(prediction.to_x0(path, target, x, t), x0)
    torch.testing.assert_close(prediction.from_x0(path, x0, x, t), target)


def test_targets_are_the_textbook_ones_on_the_linear_path():
    path, t = PATHS["linear"], torch.full((2, 4), 0.25, dtype=torch.float64)
    x0, noise, _ = example(path, t)
    expected = {"eps": noise, "x0": x0, "v": 0.75 * noise - 0.25 * x0, "velocity": noise - x0}
    for name, target in expected.items():
        torch.testing.assert_close(PREDICTIONS[name].target(path, x0, noise, t), target)


@pytest.mark.parametrize("name", ["x0", "v", "velocity"])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_pure_noise_still_tells_x0(path, name):
    t = torch.ones(2, 4, dtype=torch.float64)
    x0, noise, x = example(path, t)
    target = PREDICTIONS[name].target(path, x0, noise, t)
    torch.testing.assert_close(PREDICTIONS[name].to_x0(path, target, x, t), x0)


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_ends_are_finite_and_clean_frames_come_back_as_they_are(path, name):
    t = torch.tensor([[0.0, 1.0, 0.0, 1.0]] * 2)
    output, x = torch.randn(2, *SHAPE)
    prediction = PREDICTIONS[name]
    x0 = prediction.to_x0(path, output, x, t)
    assert x0.isfinite().all() and prediction.from_x0(path, x0, x, t).isfinite().all()
    assert (x0[:, :, ::2] == x[:, :, ::2]).all()


def test_eps_at_pure_noise_says_nothing_so_x0_is_the_mean():
    x, output = torch.randn(2, *SHAPE)
    x0 = PREDICTIONS["eps"].to_x0(PATHS["linear"], output, x, torch.ones(2, 4))
    assert (x0 == 0).all()


def test_named_prediction():
    assert prediction_named("v") is PREDICTIONS["v"] is prediction_named(PREDICTIONS["v"])
