import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.diffusion import PATHS, PREDICTIONS, prediction_named

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
