"""What a row of FAMILIES does to x and t, and the networks that are called."""

import pytest
import torch
from torch import nn

from kinema.errors import UserError
from kinema.interop.capture import Call
from kinema.interop.families import FAMILIES, Family, per_token, rising
from kinema.interop.schedules import Schedule
from kinema.interop.steered import Experts, Steered


class Recorder(nn.Module):
    """Returns its input, times a factor, and keeps what it was given."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor, self.given = factor, []

    def forward(self, hidden_states, timestep, return_dict, **others):
        self.given.append((hidden_states, timestep, others))
        return (self.factor * hidden_states,)


def x_of(rows=1, channels=2):
    return torch.arange(rows * channels * 3 * 4 * 4.0).reshape(rows, channels, 3, 4, 4)


LINEAR = Schedule(
    "linear", "velocity", "euler", torch.tensor([1.0, 0.5, 0.0]).double(),
    torch.tensor([[0.0, 0.0], [0.5, 500.0], [1.0, 1000.0]]).double(),
)  # fmt: skip


@pytest.mark.parametrize("layout, shape", [
    ("b c f h w", (1, 2, 3, 4, 4)), ("b f c h w", (1, 3, 2, 4, 4)), ("b (f h w) c", (1, 48, 2)),
])  # fmt: skip
def test_the_layout_of_the_network_and_back(layout, shape):
    network = Recorder()
    steered = Steered(
        Experts([network], Family(layout), False), [Call({}, torch.zeros(shape))], LINEAR
    )
    assert torch.equal(steered(x_of(), torch.full((1, 3), 0.5)), x_of())
    assert network.given[0][0].shape == shape
    assert network.given[0][1].tolist() == [500.0]


def test_what_conditions_x_follows_it_and_every_row_has_its_own():
    network = Recorder()
    calls = [Call({"text": i}, torch.full((1, 5, 3, 4, 4), float(i))) for i in range(2)]
    steered = Steered(Experts([network], Family(), False), calls, LINEAR)
    assert torch.equal(steered(x_of(rows=2), torch.ones(2, 3)), x_of(rows=2))
    for i, (latents, _, others) in enumerate(network.given):
        assert torch.equal(latents[:, :2], x_of(rows=2)[i : i + 1])
        assert (latents[:, 2:] == i).all() and others == {"text": i}


def test_the_expert_is_that_of_the_noise():
    noisy, clean = Recorder(2.0), Recorder(3.0)
    experts = Experts([noisy, clean], Family(), False, boundary=500)
    steered = Steered(experts, [Call({}, x_of())], LINEAR)
    assert torch.equal(steered(x_of(), torch.full((1, 3), 0.5)), 2 * x_of())
    assert torch.equal(steered(x_of(), torch.full((1, 3), 0.4)), 3 * x_of())


def test_times_of_frames_become_times_of_tokens():
    network = Recorder()
    family = Family(frame_times=per_token(2), sign=-1)
    steered = Steered(Experts([network], family, True), [Call({}, x_of())], LINEAR)
    assert torch.equal(steered(x_of(), torch.tensor([[0.0, 0.5, 1.0]])), -x_of())
    assert network.given[0][1].tolist() == [[0.0] * 4 + [500.0] * 4 + [1000.0] * 4]


def test_what_does_not_fit_is_refused():
    steered = Steered(Experts([Recorder()], Family(), False), [Call({}, x_of())], LINEAR)
    with pytest.raises(UserError, match="one time for all frames"):
        steered(x_of(), torch.tensor([[0.0, 0.5, 1.0]]))
    with pytest.raises(UserError, match="need not round"):
        steered(x_of()[..., :3], torch.ones(1, 3))


def test_guidance_that_rises():
    assert rising(3.0, 5).flatten().tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert FAMILIES["WanTransformer3DModel"].contrast(3.0, 5) == 3.0
