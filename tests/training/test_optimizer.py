import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kinema.training.optimizer import learning_rate_factor, make_optimizers


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
