from dataclasses import replace

import pytest

from kinema.denoisers import make_denoiser
from kinema.errors import UserError
from kinema.sampling.rollout import Sliding, Whole
from kinema.video import strategy_named
from kinema.video.strategies import default_strategy, window_of


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
