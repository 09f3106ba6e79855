import pytest
import torch

from kinema.conditions import Conditions, Grid, Tokens, Vector
from kinema.diffusion import PATHS, PREDICTIONS
from kinema.sampling import Denoise, denoise_all, per_condition

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
