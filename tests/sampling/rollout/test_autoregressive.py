from dataclasses import replace

import pytest
import torch
from rollout_cases import denoise, rollout_setup

from kinema.errors import UserError
from kinema.sampling.rollout import Autoregressive, Recomputed, joined
from kinema.sampling.rollout.autoregressive import merged, split


class WithMemory:
    """A denoiser that brings a memory of its own; here one that keeps what it was shown."""

    def __init__(self):
        self.asked = 0

    def __call__(self, x, t):
        raise AssertionError("a denoiser with a memory is only asked through it")

    def memory(self):
        self.asked += 1
        return Recomputed(denoise)


def test_a_denoisers_own_memory_is_used():
    strategy, remembering = Autoregressive(2, context=3, guidance=2.0, cached=True), WithMemory()
    own = joined(strategy.rollout(rollout_setup(remembering), 9))
    assert remembering.asked > 0
    shown = replace(strategy, cached=False)
    assert torch.equal(own, joined(shown.rollout(rollout_setup(), 9)))


def test_sinks_and_latest_frames_are_seen_side_by_side():
    shown = []

    def looking(x, t):
        shown.append(x)
        return denoise(x, t)

    strategy = Autoregressive(2, context=3, sinks=1)
    frames = joined(strategy.rollout(rollout_setup(looking, num_steps=1), 10))
    assert torch.equal(shown[-1][:, :, :4], frames[:, :, [0, 5, 6, 7]])


def test_the_past_is_shown_under_its_noise():
    levels = []

    def looking(x, t):
        levels.append(t[0].tolist())
        return denoise(x, t)

    joined(Autoregressive(2, context=2, level=0.25).rollout(rollout_setup(looking, num_steps=1), 4))
    assert levels == [[1, 1], [0.25, 0.25, 1, 1]]


def test_history_guidance_leads_away_from_the_hidden_past():
    """x0 = the mean of what is seen: the contrast of both memories is known."""

    def mean(x, t):
        return x.mean(2, keepdim=True).expand_as(x)

    given = torch.ones(2, 2, 2, 2, 2)
    first = [
        joined(
            Autoregressive(1, context=2, guidance=scale).rollout(
                rollout_setup(mean, num_steps=1, given=given), 3
            )
        )[:, :, 2]
        for scale in (1.0, 3.0)
    ]
    noise = rollout_setup().noise(2, 3)[:, :, 0]
    hidden = rollout_setup().noise.other(2)(0, 2).sum(2)
    cond, uncond = (2 + noise) / 3, (hidden + noise) / 3
    torch.testing.assert_close(first[0], cond)
    torch.testing.assert_close(first[1], uncond + 3 * (cond - uncond))


def test_memories_are_saved_together():
    both = [{"x": torch.ones(1)}, {"x": torch.zeros(1), "t": torch.ones(2)}]
    assert split(merged(both), 2) == both


@pytest.mark.parametrize("options", [{"chunk": 0}, {"context": 0}, {"level": 1.0}, {"sinks": -1}])
def test_options_that_make_no_sense(options):
    with pytest.raises(UserError):
        Autoregressive(**options)
