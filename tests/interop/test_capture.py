"""A pipeline is stopped at its first step, and left as it was."""

import pytest
import torch
from torch import nn

from kinema.errors import UserError
from kinema.interop.capture import branches, check_time, prepare, recorded, row
from kinema.interop.families import Family
from kinema.interop.official import experts_of
from tests.interop import tiny
from tests.interop.test_steered import LINEAR

OPTIONS = {"prompt": "a red ball", "height": 32, "width": 32, "num_frames": 9}


def test_the_pipeline_is_left_as_it_was():
    pipe = tiny.built("wan")
    experts = experts_of(pipe)
    prepared = prepare(pipe, [*experts.networks], experts.family, OPTIONS)
    assert prepared.cond.x.shape == (1, 4, 3, 4, 4)
    assert prepared.cond.arguments["encoder_hidden_states"].shape == (1, 512, 16)
    assert "forward" not in vars(pipe.transformer) and "step" not in vars(pipe.scheduler)
    assert len(prepared.schedule.times) == 51
    prompts = [call.arguments["encoder_hidden_states"] for call in (prepared.cond, prepared.uncond)]
    assert not torch.equal(*prompts)


def test_a_hook_on_the_network_comes_back():
    network = nn.Identity()
    network.forward = hook = lambda x: x
    with recorded([network], tiny.flow(), Family()):
        assert network.forward is not hook
    assert network.forward is hook


def test_without_guidance_there_is_one_branch():
    pipe = tiny.built("wan")
    experts = experts_of(pipe)
    options = {**OPTIONS, "guidance_scale": 1.0}
    assert prepare(pipe, [*experts.networks], experts.family, options).uncond is None


def test_two_rows_are_without_and_with_the_prompt():
    arguments = {
        "hidden_states": torch.zeros(2, 1), "text": torch.tensor([[0.0], [1.0]]),
        "frames": torch.arange(6), "table": (torch.zeros(4), torch.ones(4)),
        "more": {"mask": torch.tensor([2, 3])}, "fps": 8,
    }  # fmt: skip
    cond, uncond = branches([arguments], Family())
    assert cond.arguments["text"].item() == 1 and uncond.arguments["text"].item() == 0
    assert cond.arguments["frames"].tolist() == [3, 4, 5]
    assert cond.arguments["table"] is arguments["table"] and cond.arguments["fps"] == 8
    assert row(arguments, 1)["more"]["mask"].item() == 3
    with pytest.raises(UserError, match="3 rows|\\[3\\] rows"):
        branches([{"hidden_states": torch.zeros(3, 1)}], Family())


def test_a_time_that_the_scheduler_does_not_know_is_refused():
    check_time(torch.tensor([1000.0]), LINEAR)
    with pytest.raises(
        UserError, match="tells its network the time 1, and its scheduler says 1000"
    ):
        check_time(torch.tensor([1.0]), LINEAR)


@pytest.mark.parametrize("option, sentence", [
    ({"image": None}, "takes no 'image'"), ({"height": 33}, "cannot do this.*divisible"),
])  # fmt: skip
def test_what_the_pipeline_refuses_is_a_sentence(option, sentence):
    pipe = tiny.built("wan")
    experts = experts_of(pipe)
    with pytest.raises(UserError, match=sentence):
        prepare(pipe, [*experts.networks], experts.family, OPTIONS | option)
    assert "forward" not in vars(pipe.transformer)


def test_what_is_computed_anew_in_every_step_is_refused():
    """As the residuals of a ControlNet are: those of the first step would soon be stale."""

    class Controlled(nn.Module):
        scheduler = tiny.flow()

        def __call__(self, output_type):
            self.unet(torch.zeros(1, 4, 2, 2, 2), 1.0, mid_block_additional_residual=torch.ones(1))
            self.scheduler.step()

    class Network(nn.Module):
        def forward(self, hidden_states, timestep, mid_block_additional_residual=None):
            return hidden_states

    pipe = Controlled()
    pipe.unet = Network()
    with pytest.raises(UserError, match="mid_block_additional_residual anew in every step"):
        prepare(pipe, [pipe.unet], Family(), {})
