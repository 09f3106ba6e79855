from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema.clips import Clip
from kinema.denoisers import make_denoiser
from kinema.errors import UserError
from kinema.sampling.rollout import Sliding, Whole
from kinema.video import Request, settle, strategy_named
from kinema.video.generation import default_strategy, window_of
from kinema.video.system import digest

PROMPT = "a red ball rolls"


def test_frames_of_the_result_and_latents(pipe):
    """Of 7 frames the last 5 are given, as 2 latents; the codec makes 4 frames of each next one."""
    clip = Clip(np.zeros((7, 16, 24, 3), np.uint8), 16)
    made = settle(Request(PROMPT, continue_from=clip, num_frames=12, strategy="sliding"), pipe)
    assert (made.num_kept, made.num_given, made.num_skipped) == (7, 2, 5)
    assert (made.total, made.num_decoded, made.shift) == (19, 17, 2)
    assert made.latent_shape == (4, 5, 2, 3)
    assert made.joins() == [11, 15]  # after 3 and 4 latents: 9 and 13 frames, and 2 before them


def test_the_prompts_of_a_story_take_over_at_their_latents(pipe):
    story = f"0: {PROMPT}; 5: a blue cube; 6: spins"
    schedule = settle(Request(story, num_frames=17), pipe).setup().denoise
    assert [start for start, _ in schedule.parts] == [0, 2]  # 5 and 6 in the second after the first


def test_how_often_the_network_is_called(make_pipeline):
    for guidance, calls in (("classifier-free", 1), ("history", 2), ("per-condition", 3)):
        assert settle(Request(PROMPT, guidance=guidance), make_pipeline()).calls() == 3 * calls
    assert settle(Request(PROMPT), make_pipeline(solver="heun")).calls() == 6
    assert settle(Request(PROMPT, num_frames=13), make_pipeline()).calls() == 6


def test_times_begin_at_the_strength(pipe):
    clip = Clip(np.zeros((9, 16, 24, 3), np.uint8), 16)
    setup = settle(Request(PROMPT, video=clip, strength=0.3), pipe).setup()
    assert setup.times[0] == 0.3 and setup.source.shape == (1, 4, 3, 2, 3)
    assert settle(Request(PROMPT), pipe).setup().times[0] == 1


def test_some_of_the_videos(pipe):
    every = settle(Request([PROMPT, "a blue cube"], ["red", "blue"], num_videos=2, seed=4), pipe)
    some = every.of(slice(1, 3))
    assert (some.seeds, some.negative_prompts) == ([5, 6], ["red", "blue"])
    assert some.stories == [[(0, PROMPT)], [(0, "a blue cube")]]
    whole, part = every.video(), some.video()
    assert some.strategy == Whole()
    torch.testing.assert_close(part, whole[1:3], rtol=0, atol=1e-4)


def test_the_record_tells_what_the_frames_depend_on(pipe, make_pipeline):
    record = settle(Request(PROMPT, num_steps=5, guidance="zero-star"), pipe).record()
    assert record["strategy"] == "Whole()" and record["num_steps"] == 5
    assert record["guidance"] == {"kind": "zero-star", "zero_from": 1.0, "interval": (0.0, 1.0)}
    assert record["system"]["solver"] == "euler"
    for part in ("denoiser", "codec", "text"):
        other = make_pipeline()
        with torch.no_grad():
            next(getattr(other, part).parameters()).view(-1)[0] += 1
        assert settle(Request(PROMPT), other).record()["weights"] != record["weights"]


def test_a_digest_tells_values_apart():
    a = torch.arange(4.0)
    assert digest([a, a]) == digest([a.clone(), a]) != digest([a, a + 1e-6])


def test_window_and_overlap_are_those_of_training_in_latents(pipe, textless):
    assert window_of(pipe) == (3, 2)  # 9 and 5 frames, 4 to a latent after the first
    assert window_of(textless) == (8, 3)


def test_the_default_is_one_window_as_long_as_it_is_enough(pipe):
    assert [default_strategy(pipe, length) for length in (1, 3)] == [Whole(), Whole()]
    assert default_strategy(pipe, 4) == strategy_named("sliding", pipe) == Sliding(3, 2)


@pytest.mark.parametrize("name", ["sliding", "splice", "autoregressive"])
def test_what_windows_share_can_be_shown_under_noise(pipe, causal, name):
    for system in (pipe, causal):
        plain, noised = (strategy_named(name, system, level) for level in (0.0, 0.2))
        assert plain.level == 0 and noised == replace(plain, level=0.2)


def test_a_causal_denoiser_is_cached_by_itself(pipe, causal, make_pipeline):
    chosen = strategy_named("autoregressive", causal)
    assert chosen == replace(strategy_named("autoregressive", pipe), cached=True)
    chunked = strategy_named("autoregressive", make_pipeline({"kind": "causal", "chunk": 3}))
    assert (chunked.chunk, chunked.sinks + chunked.context, chunked.cached) == (3, 3, True)
    assert strategy_named("sliding", causal) == strategy_named("sliding", pipe)
    chunked = make_pipeline({"kind": "causal"})
    chunked.denoiser = make_denoiser(replace(chunked.denoiser.config, patch=(2, 2, 2)))
    assert not strategy_named("autoregressive", chunked).cached  # it could not forget


def test_mistakes(pipe):
    with pytest.raises(UserError, match="choose from whole, sliding, crossfade"):
        strategy_named("slidng", pipe)
    with pytest.raises(UserError, match="rolling does not show its frames again under noise"):
        strategy_named("rolling", pipe, overlap_noise=0.1)
    with pytest.raises(UserError, match="level is 1.0"):
        strategy_named("sliding", pipe, overlap_noise=1.0)
