import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kinema.training.ema import WeightAverages, power_exponent


@pytest.mark.parametrize("width", [0.02, 0.05, 0.1, 0.2])
def test_the_exponent_gives_the_asked_relative_width(width):
    g = power_exponent(width)
    assert (g + 1) / ((g + 2) ** 2 * (g + 3)) == pytest.approx(width**2)


def test_the_average_is_the_power_function_profile():
    """Weights that equal their step: the average is sum(k * k**g) / sum(k**g) for large n."""
    network = nn.Linear(1, 1, bias=False)
    averages = WeightAverages(network, (0.1,))
    n, g = 2000, power_exponent(0.1)
    for step in range(1, n + 1):
        nn.init.constant_(network.weight, float(step))
        averages.update(step)
    k = torch.arange(1, n + 1, dtype=torch.float64)
    expected = ((k * k**g).sum() / (k**g).sum()).item()
    assert averages.tracks[0.1]["weight"].item() == pytest.approx(expected, rel=2e-3)


def test_applied_weights_are_taken_back():
    network = nn.Linear(3, 3)
    averages = WeightAverages(network, (0.05, 0.1))
    averages.update(1)
    before = network.weight.detach().clone()
    nn.init.zeros_(averages.tracks[0.1]["weight"])
    with averages.applied(0.1):
        assert not network.weight.any()
    assert torch.equal(network.weight, before)


@given(st.floats(0.01, 0.28), st.integers(1, 8))
def test_the_first_steps_weigh_the_weights_as_the_profile_says(width, num_steps):
    """With weights that are 1 at one step and 0 at the others, the average is that step's share."""
    for chosen in range(1, num_steps + 1):
        network = nn.Linear(1, 1, bias=False)
        nn.init.constant_(network.weight, 7.0)  # the random start, which counts nothing
        averages = WeightAverages(network, (width,))
        for step in range(1, num_steps + 1):
            nn.init.constant_(network.weight, float(step == chosen))
            averages.update(step)
        power = power_exponent(width) + 1
        share = (chosen / num_steps) ** power - ((chosen - 1) / num_steps) ** power
        assert averages.tracks[width]["weight"].item() == pytest.approx(share, abs=1e-5)


def test_a_wider_profile_stays_further_behind():
    network = nn.Linear(1, 1, bias=False)
    averages = WeightAverages(network, (0.05, 0.2))
    for step in range(1, 101):
        nn.init.constant_(network.weight, float(step))
        averages.update(step)
    narrow, wide = (averages.tracks[width]["weight"].item() for width in (0.05, 0.2))
    assert wide < narrow < 100


def test_frozen_parameters_are_not_followed():
    network = nn.Linear(3, 3)
    network.weight.requires_grad_(False)
    averages = WeightAverages(network, (0.1,))
    averages.update(1)
    assert set(averages.tracks[0.1]) == {"bias"}
    with averages.applied(0.1):
        pass
