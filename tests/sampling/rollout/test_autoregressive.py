"""A tiny causal network with and without its cache."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from rollout_cases import denoise, rollout_setup

from kinema.conditions import Conditions, Tokens
from kinema.denoisers import DiTConfig, UNetConfig, make_denoiser
from kinema.diffusion import Linear
from kinema.errors import UserError
from kinema.sampling import Denoise, classifier_free, history_guidance
from kinema.sampling.rollout import (
    Autoregressive,
    Cached,
    Recomputed,
    RolloutState,
    Schedule,
    joined,
)
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


TINY = DiTConfig(channels=2, dim=32, depth=2, num_heads=2, text_dim=4, attention="causal")
ONE_LAYER = replace(TINY, depth=1, shift=False)
ATTENTION = {"kind": "attention", "frames": "causal"}
CAUSAL = {
    "dit": TINY,
    "dit in chunks": replace(TINY, attention={"kind": "causal", "chunk": 2}),
    "dit, recurrent": replace(TINY, attention="framewise", mixer="recurrence"),
    "unet": UNetConfig(2, (32,), 1, 2, (0,), mixer=ATTENTION, text_dim=4),
}
LONG = Autoregressive(2, context=20, level=0.1, guidance=1.5)
SHORT = Autoregressive(2, context=3, sinks=1, level=0.1)


def network(config):
    torch.manual_seed(0)
    made = make_denoiser(config)
    for weight in made.parameters():  # a new network predicts zero, which would prove nothing
        torch.nn.init.normal_(weight, std=0.1)
    return made.eval()


def guided(network, seed=0, scale=2.0):
    """The network steered by a text, away from another; for the two rows of `walk`."""
    drawn = torch.randn(2, 2, 3, 4, generator=torch.Generator().manual_seed(seed))
    cond, uncond = (
        Denoise(
            network, Linear(), "velocity", Conditions(text=Tokens(x, torch.ones(2, 3, dtype=bool)))
        )
        for x in drawn
    )
    return classifier_free(cond, uncond, scale)


def made(strategy, denoise, num_frames=12, **options):
    with torch.no_grad():
        return joined(strategy.rollout(rollout_setup(denoise, **options), num_frames))


@pytest.mark.parametrize("name", CAUSAL)
def test_while_nothing_is_dropped_the_cached_rollout_is_the_one_shown_the_past(name):
    denoise = guided(network(CAUSAL[name]))
    given = torch.randn(2, 2, 2, 2, 2)
    expected = made(LONG, denoise, given=given)
    found = made(replace(LONG, cached=True), denoise, given=given)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "attention",
    [
        {"kind": "causal"},
        {"kind": "windowed", "window": 4, "causal": True},
        {"kind": "hybrid", "window": 1, "stride": 4, "causal": True},
    ],
)
def test_where_keys_depend_on_their_frame_alone_it_is_so_after_dropping_too(attention):
    """Sinks keep the first positions, and the latest frames move up to them."""
    denoise = guided(network(replace(ONE_LAYER, attention=attention)))
    expected = made(SHORT, denoise, 30)
    found = made(replace(SHORT, cached=True), denoise, 30)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    without_sinks = made(replace(SHORT, sinks=0, context=4, cached=True), denoise, 30)
    assert (without_sinks - expected).abs().max() > 1e-3


def test_what_deeper_layers_keep_still_tells_of_dropped_frames():
    denoise = guided(network(TINY))
    shown, kept = made(SHORT, denoise), made(replace(SHORT, cached=True), denoise)
    torch.testing.assert_close(kept[:, :, :6], shown[:, :, :6], rtol=1e-5, atol=1e-5)
    assert (kept[:, :, 6:] - shown[:, :, 6:]).abs().max() > 1e-4


def test_a_chunk_asks_for_its_own_frames_and_the_state_does_not_grow():
    seen, denoiser = Counter(), network(TINY)
    denoiser.register_forward_hook(lambda module, args, y: seen.update([args[0].shape[2]]))
    strategy = Autoregressive(2, context=3, sinks=1, guidance=1.5, cached=True)
    segments = list(strategy.rollout(rollout_setup(guided(denoiser), num_steps=3), 16))
    assert seen == strategy.calls(16, 3) == {2: 3 + 7 * 6 + 8 * 2}
    sizes = [sum(x.numel() for x in segment.state.tensors.values()) for segment in segments]
    assert len(set(sizes[1:])) == 1
    assert not any(x.requires_grad for segment in segments for x in segment.state.tensors.values())


def test_taken_up_again_at_any_segment_it_goes_on_bit_for_bit():
    strategy = replace(SHORT, guidance=1.5, cached=True)
    setup = rollout_setup(guided(network(TINY)))
    segments = list(strategy.rollout(setup, 12))
    for number, segment in enumerate(segments[:-1]):
        copied = {name: x.clone() for name, x in segment.state.tensors.items()}
        rest = joined(strategy.rollout(setup, 12, RolloutState(segment.state.made, copied)))
        assert torch.equal(rest, joined(iter(segments[number + 1 :])))


def test_another_prompt_takes_the_cache_over():
    causal = network(TINY)
    first, second = guided(causal), guided(causal, seed=1)
    strategy = replace(SHORT, cached=True)
    told = made(strategy, Schedule(((0, first), (6, second))))
    assert torch.equal(told[:, :, :6], made(strategy, first)[:, :, :6])
    assert (told - made(strategy, first))[:, :, 6:].abs().max() > 1e-3
    assert (told - made(strategy, second))[:, :, 6:].abs().max() > 1e-3


def test_guidance_within_an_interval_is_the_same():
    causal = network(TINY)
    both = guided(causal)
    within = classifier_free(both.cond, both.uncond, 2.0, interval=(0.3, 0.8))
    expected, found = made(LONG, within), made(replace(LONG, cached=True), within)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (found - made(replace(LONG, cached=True), both)).abs().max() > 1e-3


def test_a_network_without_a_condition():
    denoise = Denoise(network(replace(TINY, text_dim=0)), Linear(), "velocity")
    expected, found = made(LONG, denoise), made(replace(LONG, cached=True), denoise)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_what_cannot_be_cached():
    full = guided(network(replace(TINY, attention="full")), scale=1.0)
    with pytest.raises(UserError, match="This DiT sees frames to come .* take a causal denoiser"):
        made(replace(SHORT, cached=True), full)
    with pytest.raises(UserError, match="Only a network, or guidance between two conditions"):
        Cached(lambda x, t: x)
    one = guided(network(TINY), scale=1.0)
    with pytest.raises(UserError, match="Only a network"):
        Cached(history_guidance(one, Linear(), torch.zeros(1), 2.0))
    with pytest.raises(UserError, match="multiples of 2 frames, or do without a cache"):
        made(replace(SHORT, chunk=3, cached=True), guided(network(CAUSAL["dit in chunks"])))
