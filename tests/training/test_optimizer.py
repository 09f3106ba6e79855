import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kinema.training.optimizer import (
    Muon,
    learning_rate_factor,
    make_optimizers,
    orthogonalized,
)


@given(st.integers(1, 10_000), st.integers(1, 500), st.floats(0, 1))
def test_the_rate_rises_stays_and_falls(num_samples, warmup, decay_share):
    factors = [
        learning_rate_factor(s, num_samples, warmup, decay_share)
        for s in range(0, num_samples + 1, max(1, num_samples // 50))
    ]
    assert all(0 <= f <= 1 for f in factors)
    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert learning_rate_factor(num_samples, num_samples, warmup, decay_share) == 0


def test_muon_takes_hidden_matrices_and_adamw_the_rest():
    network = nn.ModuleDict(
        {"first": nn.Linear(64, 64), "blocks": nn.ModuleList([nn.Linear(64, 128)])}
    )
    adamw, muon = make_optimizers(network, "muon", 1e-3, 0.01, 0.3)
    assert [p.shape for g in muon.param_groups for p in g["params"]] == [torch.Size([128, 64])]
    rest = [p for g in adamw.param_groups for p in g["params"]]
    assert len(rest) == 3
    assert [g["weight_decay"] for g in adamw.param_groups] == [0.01, 0.0]


def test_both_optimizers_fit_a_matrix():
    for name in ("adamw", "muon"):
        torch.manual_seed(0)
        network = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(64, 64, bias=False)])})
        linear, target = network["blocks"][0], torch.randn(64, 64) / 8
        first = (linear.weight - target).square().mean().item()
        optimizers = make_optimizers(network, name, 1e-2, 0.0, 1.0)
        for _ in range(100):
            (linear.weight - target).square().mean().backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
        assert (linear.weight - target).square().mean().item() < first / 3


@given(st.integers(2, 5_000), st.integers(1, 500))
def test_the_warm_up_is_linear_from_the_first_clip(num_samples, warmup):
    for samples in {0, warmup // 2, warmup - 1}:
        factor = learning_rate_factor(samples, 10 * (num_samples + warmup), warmup, 0.4)
        assert factor == pytest.approx((samples + 1) / warmup)


@given(st.integers(100, 100_000), st.floats(0.01, 1.0), st.floats(0, 1))
def test_the_decay_is_linear_over_the_last_share(num_samples, share, part):
    samples = num_samples - int(part * share * num_samples)  # within the decay
    factor = learning_rate_factor(samples, num_samples, 0, share)
    assert factor == pytest.approx((num_samples - samples) / (share * num_samples))


def test_between_warm_up_and_decay_the_rate_is_the_peak():
    assert {learning_rate_factor(s, 1000, 100, 0.4) for s in range(99, 601)} == {1.0}
    assert learning_rate_factor(601, 1000, 100, 0.4) < 1 > learning_rate_factor(98, 1000, 100, 0.4)


@pytest.mark.parametrize("shape", [(32, 64), (64, 32), (40, 40)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_orthogonalized_matrix_has_singular_values_of_about_one_and_the_same_vectors(
    shape, dtype
):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    made = orthogonalized(matrix, dtype)
    assert made.dtype == torch.float32
    values = torch.linalg.svdvals(made)
    assert values.min() > 0.4 and values.max() < 1.4
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    assert (u.T @ made @ v.T).diagonal().min() > 0.4


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_length_of_a_muon_step_does_not_depend_on_the_gradients(scale):
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(32, 64))
    weight.grad = scale * torch.randn(32, 64)
    Muon([weight], lr=0.1).step()
    assert weight.detach().square().mean().sqrt() == pytest.approx(0.1 * 0.2, rel=0.2)
    assert (weight * weight.grad).sum() < 0  # downhill


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_weight_decay_draws_matrices_towards_zero_and_leaves_vectors(name):
    network = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(64, 64)])})
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    for p in network.parameters():
        p.grad = torch.zeros_like(p)
    for optimizer in make_optimizers(network, name, 1e-2, 0.5, 1.0):
        optimizer.step()
    for n, p in network.named_parameters():
        kept = 1 - 1e-2 * 0.5 if p.ndim > 1 else 1.0
        torch.testing.assert_close(p.detach(), kept * before[n])


def test_muon_looks_ahead_along_its_momentum():
    """After many equal gradients the momentum is the gradient; after one, a twentieth of it."""
    weight = nn.Parameter(torch.zeros(32, 32))
    muon = Muon([weight], lr=0.0)
    for count in (1, 200):
        for _ in range(count):
            weight.grad = torch.ones(32, 32)
            muon.step()
        share = muon.state[weight]["momentum"].mean().item()
        assert share == pytest.approx(0.05 if count == 1 else 1.0, rel=1e-3)


def test_frozen_parameters_are_not_taken():
    network = nn.Linear(4, 4)
    network.weight.requires_grad_(False)
    (adamw,) = make_optimizers(network, "adamw", 1e-3, 0.0, 1.0)
    assert [p.shape for g in adamw.param_groups for p in g["params"]] == [torch.Size([4])]


def test_rates_are_the_peaks_of_the_schedule():
    network = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(64, 64)])})
    adamw, muon = make_optimizers(network, "muon", 1e-2, 0.0, 0.3)
    assert {g["peak"] for g in adamw.param_groups} == {0.3 * 1e-2}
    assert {g["peak"] for g in muon.param_groups} == {1e-2}
