import pytest
import torch
from rollout_cases import denoise, rollout_setup

from kinema.errors import UserError
from kinema.sampling.rollout import Keyframes, Sliding, joined


def test_the_keys_stand_in_the_video_as_they_were_made():
    strategy = Keyframes(Sliding(3, 1), stride=3, window=7)
    setup = rollout_setup()
    keys = joined(strategy.keys.rollout(strategy.coarse(setup), 5))
    frames = joined(strategy.rollout(setup, 12))
    assert torch.equal(frames[:, :, ::3], keys[:, :, :4])


def test_every_window_begins_and_ends_with_a_key():
    given = []

    def looking(x, t):
        if x.shape[2] != 3:  # a window of keys holds 3
            given.append((t[0] == 0).nonzero().flatten().tolist())
        return denoise(x, t)

    joined(Keyframes(Sliding(3, 1), 3, 7).rollout(rollout_setup(looking, num_steps=1), 14))
    assert given == [[0, 3, 6], [0, 3, 6], [0, 3]]


def test_the_keys_have_their_own_denoiser():
    def always(value):
        return lambda x, t: torch.full_like(x, value)

    setup = rollout_setup(always(1.0), coarse=always(2.0))
    frames = joined(Keyframes(Sliding(3, 1), 2, 5).rollout(setup, 9))[0, 0, :, 0, 0]
    assert frames.tolist() == [2, 1, 2, 1, 2, 1, 2, 1, 2]


def test_keys_of_keys():
    inner = Keyframes(Sliding(3, 1), 2, 5)
    frames = joined(Keyframes(inner, 2, 5).rollout(rollout_setup(), 17))
    assert frames.shape[2] == 17


def test_keys_of_keys_begin_with_noise_of_their_own():
    """Of three levels, every frame that is made begins with noise that no other has."""
    begun = []

    def looking(x, t):
        begun.extend(x[:, :, t[0] == 1].unbind(2))
        return denoise(x, t)

    strategy = Keyframes(Keyframes(Sliding(3, 1), 2, 5), 2, 5)
    joined(strategy.rollout(rollout_setup(looking, num_steps=1), 17))
    assert len(begun) == 17 == len({frame.numpy().tobytes() for frame in begun})


@pytest.mark.parametrize(("stride", "window"), [(0, 5), (5, 5)])
def test_strides_that_make_no_sense(stride, window):
    with pytest.raises(UserError, match="stride"):
        Keyframes(Sliding(3, 1), stride, window)


def test_there_are_no_joins_among_given_frames():
    strategy = Keyframes(Sliding(3, 1), 2, 5)
    assert strategy.joins(20) == [4, 8, 12, 16] and strategy.joins(20, 9) == [12, 16]
